import Foundation
import RedisClient
import TestSupport

/// Everything that a server is told, as `MONITOR` shows it, without what its own scripts do.
final class ProcessesMonitor: Sendable {
    /// One command.
    struct Command: Sendable {
        /// When, in seconds.
        let time: Double
        /// The command as it was sent.
        let text: String
    }

    private let scene: ProcessesScene
    private let file: String
    private let process: ChildProcess

    /// Starts to listen, and waits until it does.
    init(_ scene: ProcessesScene) async throws {
        self.scene = scene
        file = "\(scene.server.folder)/monitor-\(UInt64.random(in: 0...UInt64.max))"
        process = try ChildProcess(["redis-cli", "-p", String(scene.server.port), "monitor"], output: file)
        try await eventually("MONITOR listens") { [self] in lines.first == "OK" }
    }

    private var lines: [Substring] {
        ((try? String(contentsOfFile: file, encoding: .utf8)) ?? "").split(separator: "\n")
    }

    /// What has been heard so far.
    var commands: [Command] {
        lines.dropFirst().filter { !$0.contains(" lua] ") }.compactMap { line in
            guard let space = line.firstIndex(of: " "), let time = Double(line[..<space]) else { return nil }
            return Command(time: time, text: String(line[space...]))
        }
    }

    /// Everything until now: what was sent before this call has been heard when it answers.
    func stop() async throws -> [Command] {
        let mark = "mark-\(UInt64.random(in: 0...UInt64.max))"
        _ = try await scene.send("ECHO", mark)
        let heard = try await eventually("MONITOR has heard everything") {
            let commands = commands
            return commands.contains { $0.text.contains(mark) } ? commands.filter { !$0.text.contains(mark) } : nil
        }
        process.signal(SIGKILL)
        await process.wait()
        return heard
    }
}
