internal import Foundation
package import RedisClient

/// The wall clock of a program, which a test moves while the program runs.
///
/// Its timers and its monotonic clock stay true.
package struct MovableClock: Sendable {
    private let library: String
    private let file: String

    /// Makes one in a folder, at first as true as the clock of the machine.
    package init(folder: String) async throws {
        library = "\(folder)/moved_clock.so"
        file = "\(folder)/clock-offset"
        let source = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("moved_clock.c")
        let compiler = try ChildProcess(
            ["cc", "-shared", "-fPIC", "-O1", "-o", library, source.path], output: "\(folder)/cc.log")
        guard await compiler.wait(atMost: .seconds(60)) == 0 else {
            let log = try String(contentsOfFile: "\(folder)/cc.log", encoding: .utf8)
            throw ChildProcessError("cc could not compile \(source.path): \(log)")
        }
        guard FileManager.default.createFile(atPath: file, contents: Data(count: 8)) else {
            throw ChildProcessError("\(file) could not be written")
        }
    }

    /// What the environment of the program must say.
    package var environment: [String] { ["LD_PRELOAD=\(library)", "CLOCK_OFFSET=\(file)"] }

    /// Sets the clock that far ahead of the true time; below zero: behind it.
    package func set(ahead duration: Duration) throws {
        let handle = try FileHandle(forUpdating: URL(fileURLWithPath: file))
        defer { handle.closeFile() }
        let nanoseconds = Int64(duration / .nanoseconds(1))
        try handle.write(contentsOf: withUnsafeBytes(of: nanoseconds.littleEndian) { Data($0) })
    }
}

/// Runs a body with a private redis-server whose clock can be moved, and a client of it.
///
/// - Parameter offset: how far ahead its clock is at the beginning.
package func withMovableClock(
    ahead offset: Duration = .zero, arguments: [String] = [],
    _ body: (RedisServer, RedisClient, MovableClock) async throws -> Void
) async throws {
    let folder =
        FileManager.default.temporaryDirectory.path
        + "/curfew-clock-" + String(UInt64.random(in: 0...UInt64.max), radix: 36)
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer {
        do {
            try FileManager.default.removeItem(atPath: folder)
        } catch {
            print("\(folder) could not be removed: \(error)")
        }
    }
    let clock = try await MovableClock(folder: folder)
    try clock.set(ahead: offset)
    let program = ["env"] + clock.environment + ["redis-server"]
    try await withServerAndClient(.unixSocket, arguments: arguments, command: program) { server, redis in
        try await body(server, redis, clock)
    }
}
