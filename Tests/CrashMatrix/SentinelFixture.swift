internal import RedisClient
internal import TestSupport

/// A primary with two replicas, and three Sentinels.
struct SentinelFixture: Fixture {
    private let group: RedisSentinels

    static func start() async throws -> SentinelFixture {
        var options = RedisSentinels.Options()
        options.arguments = ["--appendonly", "yes"]
        return SentinelFixture(group: try await RedisSentinels.start(options: options))
    }

    var client: RedisConfiguration { group.configuration }
    var log: String { group.servers.map { "\($0.port):\n\($0.log)" }.joined(separator: "\n") }

    func makeEntrance() async throws -> Entrance { Entrance(url: group.url) }

    func crash() async throws { await group.servers[0].kill() }

    /// Starts the one that was killed again.
    ///
    /// Where it stayed away for long the Sentinels have another primary by then, and make this one its replica.
    func revive() async throws { try await group.servers[0].restart() }

    func failOver(asked: Bool) async throws {
        let old = try await group.primary()
        if asked { try await group.failOver() } else { await old.kill() }
        _ = try await group.waitForAnother(than: old)
        guard asked else { return }
        // Until it is told otherwise the old one takes writes too, and all that is done there is lost.
        try await eventually("the old primary is a replica") {
            do {
                return try await group.send("ROLE", to: old)[0].string == "slave"
            } catch {
                // A server whose role changes closes its clients' connections, this one too.
                return false
            }
        }
    }

    func cutConnections() async throws {
        let primary = try await group.primary()
        for kind in ["normal", "pubsub"] {
            try await group.send("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes", to: primary)
        }
    }

    func end() async { await group.kill() }
}
