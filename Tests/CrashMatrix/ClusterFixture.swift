internal import RedisClient
internal import TestSupport

/// Three primaries with a replica each.
struct ClusterFixture: Fixture {
    private let cluster: RedisCluster

    static func start() async throws -> ClusterFixture {
        var options = RedisCluster.Options()
        options.arguments = ["--appendonly", "yes"]
        return ClusterFixture(cluster: try await RedisCluster.start(replicas: 1, options: options))
    }

    var client: RedisConfiguration { cluster.configuration }
    var log: String { cluster.members.map { "\($0.address):\n\($0.server.log)" }.joined(separator: "\n") }

    func makeEntrance() async throws -> Entrance { Entrance(url: cluster.url) }

    /// The primary that holds the schedule and the leases, always the same one of the members: no replica takes over in
    /// the time that it stays away.
    private var home: RedisCluster.Member { cluster.members[RedisSlot.of("{curfew}:") / (RedisSlot.count / 3 + 1)] }

    func crash() async throws { await home.server.kill() }

    func revive() async throws {
        try await home.server.restart()
        try await cluster.waitUntilServing()
    }

    func failOver(asked: Bool) async throws {
        guard let place = cluster.members.firstIndex(where: { $0.identifier == home.identifier }) else {
            throw ChildProcessError("the primary of the schedule is none of ours")
        }
        let replica = cluster.members[3 + place]
        guard !asked else { return try await cluster.failOver(to: replica) }
        await home.server.kill()
        try await cluster.waitUntilPrimary(replica)
        try await cluster.waitUntilServing()
    }

    func moveSlots(of keys: [String]) async throws {
        for slot in Set(keys.map(RedisSlot.of)).sorted() {
            let source = try await cluster.owner(of: slot)
            let target = cluster.members.prefix(3).first { $0.identifier != source.identifier }
            if let target { try await cluster.move(slot: slot, to: target) }
        }
    }

    func cutConnections() async throws {
        for member in cluster.members where await cluster.isServing(member) {
            for kind in ["normal", "pubsub"] {
                try await cluster.send(RedisCommand("CLIENT", ["KILL", "TYPE", kind, "SKIPME", "yes"]), to: member)
            }
        }
    }

    func end() async { await cluster.kill() }
}

extension RedisCluster {
    /// Whether a server answers.
    fileprivate func isServing(_ member: Member) async -> Bool {
        do {
            try await send(RedisCommand("PING"), to: member)
            return true
        } catch {
            return false
        }
    }
}
