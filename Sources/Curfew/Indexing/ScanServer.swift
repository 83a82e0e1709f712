internal import Policies
internal import RedisClient

/// A server whose part of the keyspace is scanned: the only one, or a primary of a cluster.
struct ScanServer: Sendable {
    /// Where it is.
    let node: RedisClient.Node
    /// Which process it is, since a cursor means nothing to another one; empty for a single server, which the function
    /// `curfew_scan_claim` asks by itself.
    let process: String

    /// All of them, as they are now.
    static func all(_ redis: RedisClient) async throws -> [ScanServer] {
        var servers: [ScanServer] = []
        for node in try await redis.primaries() {
            servers.append(ScanServer(node: node, process: try await process(of: node, redis)))
        }
        return servers
    }

    /// Whether the process is still the same.
    func isSame(_ redis: RedisClient) async throws -> Bool {
        try await Self.process(of: node, redis) == process
    }

    /// All keys of all servers, to tell how far a scan is; 0 where a server doesn't say.
    static func keys(_ redis: RedisClient) async throws -> Int {
        let command = RedisCommand("DBSIZE")
        var keys = 0
        for node in try await redis.primaries() {
            keys = keys.bounded(plus: Int(try await redis.pipeline([command], to: node)[0].integer ?? 0))
        }
        return keys
    }

    /// A server that refuses to say goes by its address: a restart isn't noticed then.
    private static func process(of node: RedisClient.Node, _ redis: RedisClient) async throws -> String {
        guard redis.isCluster else { return "" }
        let command = RedisCommand("INFO", ["server"])
        let identity = try await redis.pipeline([command], to: node)[0].infoField("run_id")
        return identity.map { String($0.prefix(16)) } ?? node.description
    }
}
