import Curfew
import Logging
import RedisClient
import TestSupport

/// A private Redis with jobs, and what a program that imports Curfew says about them.
struct LibraryScene: Sendable {
    let server: RedisServer
    let redis: RedisClient

    /// Runs a body with a server of its own.
    static func with(
        _ arguments: [String] = [], _ body: (LibraryScene) async throws -> Void
    ) async throws {
        try await withServerAndClient(arguments: arguments) { server, redis in
            try await body(LibraryScene(server: server, redis: redis))
        }
    }

    /// Stuck jobs, with a refund.
    var content: CurfewConfiguration.Content {
        let stuck = CurfewConfiguration.Stuck(
            states: ["RUNNING"], since: "at", timeout: .after(.seconds(60)), to: "FAILED",
            refund: .init(amount: "cost", balance: "user:<user>:tokens", ledger: "user:<user>:refunds"))
        var jobs = CurfewConfiguration.Cleanup(
            "jobs", records: "job:<id>", every: .seconds(3_600), policy: .stuck(stuck))
        jobs.index = "jobs"
        jobs.more = ["page": 20]
        var content = CurfewConfiguration.Content(redis: server.url, cleanups: [jobs])
        // However busy the machine is, no run loses its lease.
        content.worker = .init(lease: .seconds(60))
        return content
    }

    /// A configuration in code.
    var configuration: CurfewConfiguration { CurfewConfiguration(content) }

    /// Writes jobs that have been stuck for ten minutes, with a charge of 3 each.
    func stick(_ ids: some Sequence<Int>) async throws {
        let now = Int(try await redis.send(RedisCommand("TIME"))[0].string ?? "") ?? 0
        let since = String((now - 600) * 1_000)
        let commands = ids.flatMap { id in
            [
                RedisCommand(
                    "HSET", ["job:\(id)", "status", "RUNNING", "at", since, "cost", "3", "user", "u"]),
                RedisCommand("ZADD", ["jobs", since, String(id)]),
            ]
        }
        try await redis.pipeline(commands)
    }

    /// Waits until a record is changed.
    func firstChange(_ curfew: CurfewClient) async throws {
        for try await event in curfew.events(after: .beginning) where event.action == "fail" { return }
    }

    func status(_ id: Int) async throws -> String? {
        try await redis.send(RedisCommand("HGET", ["job:\(id)", "status"])).string
    }

    func exists(_ key: String) async throws -> Bool {
        try await redis.send(RedisCommand("EXISTS", [key])).integer == 1
    }

    /// A logger that says nothing.
    static var silent: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }

    func withClient(
        _ configuration: CurfewConfiguration? = nil, _ body: (CurfewClient) async throws -> Void
    ) async throws {
        try await CurfewClient.withClient(
            configuration ?? self.configuration, logger: Self.silent, body)
    }
}
