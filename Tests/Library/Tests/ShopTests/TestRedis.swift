import Foundation
import Shop

/// A redis-server for one test, in a folder of its own.
final class TestRedis: Sendable {
    let port: Int
    private let process = Process()
    private let folder: URL

    /// Starts it on a port that is free.
    init() throws {
        port = Int.random(in: 20_000...29_999)
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("shop-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            "redis-server", "--port", String(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder.path,
        ]
        process.standardOutput = FileHandle.nullDevice
        try process.run()
    }

    /// Waits until it answers.
    func ready() async throws {
        let began = ContinuousClock.now
        while true {
            do {
                try await ShopRedis(port: port).send("PING")
                return
            } catch {
                guard began.duration(to: .now) < .seconds(10), process.isRunning else { throw error }
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }

    /// Writes a file into its folder.
    func write(_ text: String, to name: String) throws {
        try text.write(to: folder.appendingPathComponent(name), atomically: true, encoding: .utf8)
    }

    /// Runs a program of this package in its folder; returns what it prints.
    func output(of name: String) throws -> String {
        let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let program = Process()
        program.executableURL = URL(fileURLWithPath: tests).deletingLastPathComponent().appendingPathComponent(name)
        program.currentDirectoryURL = folder
        let pipe = Pipe()
        program.standardOutput = pipe
        try program.run()
        let data = try pipe.fileHandleForReading.readToEnd() ?? Data()
        return String(decoding: data, as: UTF8.self)
    }

    /// Ends it.
    func stop() {
        // It inherits the signals that the thread of a test blocks, so that SIGTERM would not reach it.
        kill(process.processIdentifier, SIGKILL)
        do {
            try FileManager.default.removeItem(at: folder)
        } catch {
            print("the folder \(folder.path) stays: \(error)")
        }
    }
}
