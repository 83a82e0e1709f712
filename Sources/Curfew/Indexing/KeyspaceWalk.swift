internal import RedisClient

/// The whole keyspace, a few keys after the other, for those who only look: nothing is written, and no place is kept.
struct KeyspaceWalk {
    private let nodes: [RedisClient.Node]
    private let keys: Int
    private let fresh: KeyspaceBatch
    private var batch: KeyspaceBatch
    private var place = 0
    private var cursor = "0"
    private var seen = 0

    /// Begins at the first server.
    init(store: Store, cleanup: Cleanup, names: RecordNames) async throws {
        fresh = KeyspaceBatch(store: store, cleanup: cleanup, names: names)
        batch = fresh
        nodes = try await store.redis.primaries()
        keys = try await ScanServer.keys(store.redis)
    }

    /// How far, 0…100, as good as it can be told.
    var percent: Int { keys > 0 ? min(100, seen * 100 / keys) : 0 }

    /// The ids of the next records, often none; nil at the end.
    mutating func next() async throws -> [String]? {
        guard place < nodes.count else { return nil }
        let step = try await batch.walk(nodes[place], from: cursor)
        seen += step.walked
        cursor = step.next
        if cursor == "0" {
            place += 1
            batch = fresh
        }
        return step.ids
    }
}
