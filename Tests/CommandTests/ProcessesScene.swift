import Curfew
import Foundation
import Logging
import RedisClient
import TestNeeds
import TestSupport
import Testing

/// All tests that let processes fight over a Redis.
@Suite("real processes", .tags(.processes))
enum Chaos {}

/// A private Redis, a client that watches it, and processes of the built program around it.
struct ProcessesScene: Sendable {
    let server: RedisServer
    let redis: RedisClient
    /// What the processes connect to, where it is more than the server.
    var url: String?
    let keys = Keys(prefix: "curfew")

    /// The text of a configuration with these cleanups.
    func configuration(_ cleanups: String, lease: String, heartbeat: String) -> String {
        """
        redis: \(url ?? server.url)
        worker: {lease: \(lease), heartbeat: \(heartbeat), concurrency: 8}
        cleanups:
        \(cleanups)
        """
    }

    /// Writes a configuration and answers its path.
    func write(_ text: String) throws -> String {
        let path = "\(server.folder)/\(UInt64.random(in: 0...UInt64.max)).yaml"
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    /// Writes a configuration with these cleanups and answers its path.
    func configure(_ cleanups: String, lease: String = "3s", heartbeat: String = "10s") throws -> String {
        try write(configuration(cleanups, lease: lease, heartbeat: heartbeat))
    }

    /// A cleanup of stuck jobs as it stands in a configuration; its records are `<records>:<id>`.
    static func stuck(
        _ name: String = "stuck-jobs", every: String = "1s", records: String = "job", more: String = ""
    ) -> String {
        """
          \(name):
            policy: stuck
            every: \(every)
            records: "\(records):<id>"
            index: "\(records):deadlines"
            states: [PROCESSING]
            since: [startedAt]
            timeout: 5m
            to: FAILED
            refund: {amount: cost, balance: "user:<user>:tokens", ledger: "user:<user>:refunds"}
            \(more)

        """
    }

    func worker(_ configuration: String) throws -> WorkerProcess {
        try WorkerProcess(configuration: configuration, folder: server.folder)
    }

    func workers(_ count: Int, _ configuration: String) async throws -> [WorkerProcess] {
        let workers = try (0..<count).map { _ in try worker(configuration) }
        for worker in workers { try await worker.ready() }
        return workers
    }

    func curfew(_ arguments: String..., configuration: String) async throws -> CurfewProgram.Ending {
        try await CurfewProgram.run(arguments + ["--config", configuration], folder: server.folder)
    }

    /// Sends a command of the test's own, which may take its time: scripts go through all records.
    func send(_ words: String...) async throws -> RedisValue {
        try await redis.send(RedisCommand.repeatable(words[0], Array(words.dropFirst())), deadline: .seconds(60))
    }

    /// The server's time in milliseconds.
    func now() async throws -> Int64 {
        let time = try await send("TIME")
        return (time[0].integer ?? 0) * 1000 + (time[1].integer ?? 0) / 1000
    }

    /// The entries of the history, oldest first.
    func runs(of cleanup: String = "stuck-jobs") async throws -> [StreamEntry] {
        try await send("XRANGE", keys.runs, "-", "+").elements.map(StreamEntry.init).filter { $0["cleanup"] == cleanup }
    }

    /// The first run of the history that ended so.
    func run(of cleanup: String = "stuck-jobs", _ status: String) async throws -> StreamEntry {
        try await eventually("a run of \(cleanup) has ended as \(status)") {
            try await runs(of: cleanup).first { $0["status"] == status }
        }
    }

    /// The worker that holds the lease, once there is one.
    func holder(among workers: [WorkerProcess], of cleanup: String = "stuck-jobs") async throws -> WorkerProcess {
        try await eventually("somebody holds the lease of \(cleanup)", every: .milliseconds(2)) {
            guard let name = try await send("HGET", keys.lease(cleanup), "instance").string else { return nil }
            return workers.first { $0.isInstance(name) }
        }
    }
}

/// Runs a body on a scene of its own.
func withProcesses(
    arguments: [String] = [], _ body: (ProcessesScene) async throws -> Void
) async throws {
    try await withServerAndClient(arguments: arguments) { server, redis in
        try await body(ProcessesScene(server: server, redis: redis))
    }
}

extension StreamEntry {
    /// A number among the fields; -1 where there is none.
    func number(_ name: String) -> Int64 { self[name].flatMap { Int64($0) } ?? -1 }
}
