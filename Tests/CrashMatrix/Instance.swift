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

/// A clock of a process that is an hour early or late.
enum ClockOffset {
    /// Makes it in a folder and answers what the environment of the process must say.
    static func environment(seconds: Int, folder: String) async throws -> [String] {
        let clock = try await MovableClock(folder: folder)
        try clock.set(ahead: .seconds(seconds))
        return clock.environment
    }
}
