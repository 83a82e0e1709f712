import Policies
import RedisClient
import TestSupport

@testable import Curfew

/// A private Redis, or a private Cluster, on which any number of instances live, each with an engine of its own.
struct CoordinationScene: Sendable {
    /// The server; on a Cluster, the first of them.
    let server: RedisServer
    /// What instances connect to.
    let url: String
    let redis: RedisClient
    let text: String
    let keys = Keys(prefix: "curfew")

    static let jobs = """
        cleanups:
          jobs: {policy: stuck, every: 1h, records: "job:<id>", index: jobs, states: [RUNNING], since: [at], timeout: 1m, to: FAILED}

        """

    /// An instance of that name, with the scene's configuration or another.
    func engine(_ id: String, _ other: String? = nil) throws -> Engine {
        let configuration = try Configuration.parse(
            unhurried("redis: \(url)\n\(other ?? text)"), file: "test.yaml", environment: [:])
        return Engine(configuration: configuration, redis: redis, instance: Instance(id: id), logger: quietLogger)
    }

    /// Claims a cleanup for an instance, due or not.
    func claim(_ name: String = "jobs", by engine: Engine) async throws -> (run: Run, claim: Claim) {
        guard let cleanup = engine.configuration.cleanup(named: name) else { throw CurfewError(.usage, name) }
        let answer = try await engine.coordinator.claim(cleanup, trigger: "manual", isDryRun: false)
        guard case .claimed(let claim) = answer.outcome else { throw CurfewError(.held, "\(answer.outcome)") }
        return (Run(engine: engine, cleanup: cleanup, claim: claim, clock: answer.clock), claim)
    }

    /// What a scheduled tick brings an instance that has just started.
    func tick(_ engine: Engine, places: Int = 4) async throws -> TickAnswer {
        try await engine.coordinator.tick(beat: nil, places: places, clock: try await engine.serverClock())
    }

    /// Makes a cleanup due, or a lease run out, at that distance from now; below zero: since then.
    func schedule(_ name: String, in distance: Duration) async throws {
        let now = try await ServerClock.read(from: redis).now
        try await send("ZADD", keys.schedule, String((now + distance).milliseconds), name)
    }

    /// Writes jobs that have been stuck for ten minutes, and their index.
    func stick(_ ids: some Sequence<Int>) async throws {
        let since = String((try await ServerClock.read(from: redis).now - .seconds(600)).milliseconds)
        let commands = ids.flatMap { id in
            [
                RedisCommand("HSET", ["job:\(id)", "status", "RUNNING", "at", since]),
                RedisCommand("ZADD", ["jobs", since, String(id)]),
            ]
        }
        for start in stride(from: 0, to: commands.count, by: 10_000) {
            try await redis.pipeline(Array(commands[start..<min(start + 10_000, commands.count)]))
        }
    }

    func status(_ id: Int) async throws -> String? {
        try await send("HGET", "job:\(id)", "status").string
    }

    func stream(_ key: String) async throws -> [StreamEntry] {
        try await send("XRANGE", key, "-", "+").elements.map(StreamEntry.init)
    }

    @discardableResult
    func send(_ words: String...) async throws -> RedisValue {
        try await redis.send(RedisCommand(words[0], Array(words.dropFirst())))
    }
}

/// Runs a body with a Redis of its own; the text is what the configuration says beside the URL.
///
/// Where the suite is of ``EveryTopology``, it is once a single server and once a Cluster.
func withInstances(
    _ text: String = CoordinationScene.jobs, _ body: (CoordinationScene) async throws -> Void
) async throws {
    if EveryTopology.isCluster {
        try await SharedClusters.withEmptied { cluster in
            try await RedisClient.withClient(cluster.configuration, logger: quietLogger) { redis in
                let server = cluster.members[0].server
                try await body(CoordinationScene(server: server, url: cluster.url, redis: redis, text: text))
            }
        }
    } else {
        try await withServerAndClient(.unixSocket) { server, redis in
            try await body(CoordinationScene(server: server, url: server.url, redis: redis, text: text))
        }
    }
}
