import Logging
import Policies
import RedisClient
import TestSupport
import Testing

@testable import Curfew

/// A private Redis, or a private Cluster, with an engine on it, and short ways to write records, to run cleanups and to
/// see what became of it.
struct SweepScene: Sendable {
    /// The server; in a Cluster, the first of them.
    let server: RedisServer
    let redis: RedisClient
    let engine: Engine
    /// The server's time when the scene was made: what the ages of records are counted from.
    let began: Timestamp

    var keys: Keys { engine.keys }
    /// What a client of the application needs.
    var configuration: RedisConfiguration { redis.configuration }

    func cleanup(_ name: String) throws -> Cleanup {
        try #require(engine.configuration.cleanup(named: name))
    }

    /// Claims a cleanup as the command line does.
    func claim(
        _ cleanup: Cleanup, trigger: String = "manual", isDryRun: Bool = false
    ) async throws -> (Claim, ServerClock) {
        let answer = try await engine.coordinator.claim(cleanup, trigger: trigger, isDryRun: isDryRun)
        guard case .claimed(let claim) = answer.outcome else {
            throw CurfewError(.held, "\(cleanup.name) could not be claimed: \(answer.outcome)")
        }
        return (claim, answer.clock)
    }

    /// One run, from claim to release.
    @discardableResult
    func run(
        _ cleanup: Cleanup, trigger: String = "manual", isDryRun: Bool = false, limit: Int? = nil,
        timeout: Duration? = nil
    ) async throws -> RunResult {
        let (claim, clock) = try await claim(cleanup, trigger: trigger, isDryRun: isDryRun)
        return await Run(
            engine: engine, cleanup: cleanup, claim: claim, clock: clock, limit: limit, timeout: timeout
        ).execute()
    }

    @discardableResult
    func run(_ name: String, isDryRun: Bool = false, limit: Int? = nil) async throws -> RunResult {
        try await run(try cleanup(name), isDryRun: isDryRun, limit: limit)
    }

    /// Writes a record, and its entry in the index where a score is given.
    func write(
        _ key: String, _ fields: [String: String], index: String? = nil, id: String = "", due: Timestamp? = nil
    ) async throws {
        var commands = [RedisCommand("HSET", [key] + fields.flatMap { [$0.key, $0.value] })]
        if let index {
            let score = due ?? began - .seconds(1)
            commands.append(RedisCommand("ZADD", [index, String(score.milliseconds), id]))
        }
        for reply in try await redis.pipeline(commands) { #expect(reply.error == nil) }
    }

    func send(_ words: String...) async throws -> RedisValue {
        try await redis.send(RedisCommand(words[0], Array(words.dropFirst())))
    }

    /// Empties Redis: on a Cluster, every node of it.
    func flush() async throws {
        for node in try await redis.primaries() { _ = try await redis.send(RedisCommand("FLUSHALL"), to: node) }
    }

    /// The names of all keys of a pattern, on a Cluster those of every node.
    func names(_ pattern: String) async throws -> [String] {
        var names: [String] = []
        for node in try await redis.primaries() {
            names += try await redis.send(RedisCommand("KEYS", [pattern]), to: node).elements.compactMap(\.string)
        }
        return names
    }

    /// How many of these keys are there.
    func existing(_ names: String...) async throws -> Int {
        try await redis.pipeline(names.map { RedisCommand("EXISTS", [$0]) }).count { $0.integer == 1 }
    }

    func hash(_ key: String) async throws -> [String: String] {
        try await send("HGETALL", key).texts
    }

    func text(_ key: String) async throws -> String? { try await send("GET", key).string }

    func score(_ id: String, in index: String) async throws -> Int64? {
        try await send("ZSCORE", index, id).double.map { Int64($0) }
    }

    func members(_ index: String) async throws -> [String] {
        try await send("ZRANGE", index, "0", "-1").elements.compactMap(\.string)
    }

    func stream(_ key: String) async throws -> [StreamEntry] {
        try await send("XRANGE", key, "-", "+").elements.map(StreamEntry.init)
    }

    /// Every key with what `DUMP` says of it; without Curfew's own unless told otherwise,.
    func dump(withOwn: Bool = false) async throws -> [String: [UInt8]] {
        var names = try await names("*")
        if !withOwn { names = names.filter { !$0.hasPrefix(keys.prefix) } }
        let replies = try await redis.pipeline(names.map { RedisCommand("DUMP", [$0]) })
        return Dictionary(uniqueKeysWithValues: zip(names, replies.map { $0.bytes ?? [] }))
    }

    /// What the application has at each key, and whether it expires; of hashes and sets, in which the order means nothing,
    /// sorted.
    func contents() async throws -> [String: [String]] {
        var contents: [String: [String]] = [:]
        for name in try await names("*") where !name.hasPrefix(keys.prefix) && !name.hasPrefix("curfew:") {
            let type = try await send("TYPE", name).string ?? ""
            let stays = try await send("PTTL", name).integer == -1 ? "stays" : "expires"
            let found: [String] =
                switch type {
                case "hash": try await hash(name).map { "\($0.key)=\($0.value)" }.sorted()
                case "set": try await send("SMEMBERS", name).elements.map { $0.string ?? "" }.sorted()
                default: (try await send("DUMP", name).bytes ?? []).map { String($0) }
                }
            contents[name] = [type, stays] + found
        }
        return contents
    }
}

/// Runs a body on a scene of its own; the text is what a configuration says under `cleanups`.
///
/// Where the suite is of ``EveryTopology``, the scene is once on a single server and once on a Cluster.
func withSweepScene(
    _ cleanups: String, settings: String = "", instance: String = "test-1", program: String = "redis-server",
    policies: KnownPolicies = .builtIn, _ body: (SweepScene) async throws -> Void
) async throws {
    if EveryTopology.isCluster {
        try await SharedClusters.withEmptied { cluster in
            try await RedisClient.withClient(cluster.configuration, logger: Logger(label: "test")) { redis in
                try await scene(
                    cluster.url, cluster.members[0].server, redis, cleanups, settings, instance, policies, body)
            }
        }
    } else {
        try await withServerAndClient(.unixSocket, program: program) { server, redis in
            try await scene(server.url, server, redis, cleanups, settings, instance, policies, body)
        }
    }
}

private func scene(
    _ url: String, _ server: RedisServer, _ redis: RedisClient, _ cleanups: String, _ settings: String,
    _ instance: String, _ policies: KnownPolicies, _ body: (SweepScene) async throws -> Void
) async throws {
    let indented = cleanups.split(separator: "\n").map { "  " + $0 }.joined(separator: "\n")
    let text = unhurried("redis: \(url)\n\(settings)\ncleanups:\n\(indented)\n")
    let configuration = try Configuration.parse(
        text, file: "test.yaml", environment: [:], policies: policies)
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    let engine = Engine(
        configuration: configuration, redis: redis, instance: Instance(id: instance), logger: logger)
    let began = try await engine.serverClock().now
    try await body(SweepScene(server: server, redis: redis, engine: engine, began: began))
}
