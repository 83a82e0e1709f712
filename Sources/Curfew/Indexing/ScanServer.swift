internal import Policies
internal import RedisClient

/// A server with a part of the keyspace: the only one, or a primary of a cluster.
struct ScanServer: Sendable {
    /// Its node.
    let node: RedisClient.Node
    /// Its process, since a cursor is only valid for that; empty for a single server, which the function
    /// `curfew_scan_claim` checks itself.
    let process: String

    /// All current servers.
    static func all(_ redis: RedisClient) async throws -> [ScanServer] {
        var servers: [ScanServer] = []
        for node in try await redis.primaries() {
            servers.append(ScanServer(node: node, process: try await process(of: node, redis)))
        }
        return servers
    }

    /// Whether it is still the same process.
    func isSame(_ redis: RedisClient) async throws -> Bool {
        try await Self.process(of: node, redis) == process
    }

    /// The number of keys of all servers, for the progress; 0 if a server doesn't report it.
    static func keys(_ redis: RedisClient) async throws -> Int {
        let command = RedisCommand("DBSIZE")
        var keys = 0
        for node in try await redis.primaries() {
            keys = keys.bounded(plus: Int(try await redis.pipeline([command], to: node)[0].integer ?? 0))
        }
        return keys
    }

    /// If a server refuses to report its process, its address is used: a restart is then not noticed.
    private static func process(of node: RedisClient.Node, _ redis: RedisClient) async throws -> String {
        guard redis.isCluster else { return "" }
        let command = RedisCommand("INFO", ["server"])
        let identity = try await redis.pipeline([command], to: node)[0].infoField("run_id")
        return identity.map { String($0.prefix(16)) } ?? node.description
    }
}
