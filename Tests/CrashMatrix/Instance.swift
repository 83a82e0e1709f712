internal import Foundation
internal import TestSupport

/// One of the instances of a case: `curfew work` as a process of its own, with its own way to Redis.
struct Instance: Sendable {
    let worker: WorkerProcess
    let entrance: Entrance

    /// Starts one.
    init(of work: Workload, entrance: Entrance, folder: String, environment: [String]) throws {
        let file = "\(folder)/\(UInt64.random(in: 0...UInt64.max)).yaml"
        try work.configuration(redis: entrance.url).write(toFile: file, atomically: true, encoding: .utf8)
        worker = try WorkerProcess(configuration: file, folder: folder, environment: environment)
        self.entrance = entrance
    }
}

/// A library that makes the clock of a process run an hour early or late.
enum ClockOffset {
    /// Compiles it into a folder and answers what the environment of a process must say.
    static func environment(seconds: Int, folder: String) async throws -> [String] {
        let source = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("clock_offset.c").path
        let library = "\(folder)/clock_offset.so"
        let compiler = try ChildProcess(
            ["cc", "-shared", "-fPIC", "-O1", "-o", library, source], output: "\(folder)/cc.log")
        guard await compiler.wait(atMost: .seconds(60)) == 0 else {
            let log = try String(contentsOfFile: "\(folder)/cc.log", encoding: .utf8)
            throw ChildProcessError("cc could not compile \(source): \(log)")
        }
        return ["LD_PRELOAD=\(library)", "CLOCK_OFFSET=\(seconds)"]
    }
}
