import Curfew
import Foundation
import Logging
import RedisClient
import TestNeeds
import TestSupport
import Testing

/// All tests of what a person types; each starts a few short processes.
@Suite("the command line", .tags(.processes))
enum CommandLineTests {}

/// A private Redis with a configuration file, and the built program, asked as a person or a script asks it.
struct CommandLineScene: Sendable {
    /// What a command answered.
    struct Answer: Sendable {
        let code: CInt
        /// What was on standard output.
        let output: String
        /// What was on standard error.
        let errors: String

        /// Standard output as JSON; one object, or a list of them.
        func json() throws -> Any { try JSONSerialization.jsonObject(with: Data(output.utf8)) }

        func object() throws -> [String: Any] { try #require(try json() as? [String: Any]) }
    }

    let server: RedisServer
    let redis: RedisClient
    /// The path of the configuration file.
    let configuration: String

    static let cleanups = """
        cleanups:
          stuck-jobs:
            policy: stuck
            every: 15m
            records: job:<id>
            index: jobs:deadlines
            states: [PROCESSING]
            since: [startedAt]
            timeout: 5m
            to: FAILED
            refund: {amount: cost, balance: "user:<user>:tokens", ledger: "user:<user>:refunds"}
          old-locks: {policy: locks, every: 30m, records: "lock:<id>", index: locks, since: [at], timeout: 3h}
        """

    /// Runs the program to its end, its two outputs kept apart.
    ///
    /// - Parameter program: another one than `curfew`, with the same commands.
    static func curfew(
        _ arguments: [String], folder: String, environment: [String: String] = [:], program: String? = nil
    ) async throws -> Answer {
        let files = ["out", "err"].map { "\(folder)/\($0)-\(UInt64.random(in: 0...UInt64.max))" }
        let script = "out=$1; err=$2; shift 2; cd \"$0\"; exec \"$@\" >\"$out\" 2>\"$err\""
        // Help is wrapped for a terminal of that many columns, whatever the one is that tests run on.
        let variables = environment.merging(["COLUMNS": "80"]) { given, _ in given }.map { "\($0.key)=\($0.value)" }
        let process = try ChildProcess(
            ["timeout", "60", "sh", "-c", script, folder] + files + ["env"] + variables
                + [try program ?? CurfewProgram.path] + arguments,
            output: "\(folder)/shell")
        let code = await process.wait()
        let texts = try files.map { try String(contentsOfFile: $0, encoding: .utf8) }
        return Answer(code: code, output: texts[0], errors: texts[1])
    }

    /// Runs the program with the configuration.
    func curfew(_ arguments: String..., environment: [String: String] = [:]) async throws -> Answer {
        try await Self.curfew(
            arguments + ["--config", configuration], folder: server.folder, environment: environment)
    }

    /// An engine of another instance on the same Redis.
    func other(_ name: String) throws -> Engine {
        let read = try Configuration.load(path: configuration, environment: [:])
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        return Engine(configuration: read, redis: redis, instance: Instance(id: name), logger: logger)
    }

    /// Writes a job that was started that many seconds ago, with what else is to be said of it.
    func job(_ id: String, age: Int, _ more: [String: String] = [:]) async throws {
        try await write([id], age: age, more)
    }

    /// Writes so many jobs, from 0 on, that were started that many seconds ago.
    func jobs(_ count: Int, age: Int) async throws {
        try await write((0..<count).map(String.init), age: age, [:])
    }

    private func write(_ ids: [String], age: Int, _ more: [String: String]) async throws {
        let now = try #require(try await redis.send(RedisCommand("TIME"))[0].integer)
        let fields = ["status": "PROCESSING", "startedAt": "\(now - Int64(age))", "cost": "10", "user": "u"]
            .merging(more) { $1 }
        let words = fields.sorted { $0.key < $1.key }.flatMap { [$0.key, $0.value] }
        let commands = ids.flatMap { id in
            [RedisCommand("HSET", ["job:\(id)"] + words), RedisCommand("ZADD", ["jobs:deadlines", "1", id])]
        }
        for reply in try await redis.pipeline(commands) { #expect(reply.error == nil) }
    }
}

/// Runs a body with a private Redis and a configuration file beside it.
func withCommandLine(
    _ cleanups: String = CommandLineScene.cleanups, _ body: (CommandLineScene) async throws -> Void
) async throws {
    try await withServerAndClient(.unixSocket) { server, redis in
        let path = "\(server.folder)/curfew.yaml"
        try "redis: \(server.url)\n\(cleanups)\n".write(toFile: path, atomically: true, encoding: .utf8)
        try await body(CommandLineScene(server: server, redis: redis, configuration: path))
    }
}

/// Runs a body with an empty folder and no Redis.
func withFolder(_ body: (String) async throws -> Void) async throws {
    let folder = "\(FileManager.default.temporaryDirectory.path)/curfew-\(UInt64.random(in: 0...UInt64.max))"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { _ = try? FileManager.default.removeItem(atPath: folder) }
    try await body(folder)
}
