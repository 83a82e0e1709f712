internal import Policies
internal import RedisClient

/// Finds records in the keyspace, where no index names them: `SCAN` with the pattern of the key template, a batch at a
/// time.
///
/// What is found is entered into the index as due at once (`ZADD NX`: an entry that is there keeps its time). The sweep
/// that follows decides over it and re-scores it to its true deadline; from then on finding it costs the same as with
/// an index of the app's own. The cursor is kept in `{curfew}:scan:<cleanup>`, so that a scan which was cut short goes
/// on where it was. `SCAN` may show a key twice, and shows every key that was there all the while.
struct KeyspaceScan: Sendable {
    /// Keys looked at in one command: short enough that nobody notices.
    static let batch = 500
    /// The most records a preview finds by itself.
    static let mostListed = 100_000

    let engine: Engine
    let cleanup: Cleanup
    let control: RunControl

    private var key: String { engine.keys.scan(cleanup.name) }

    /// Scans to the end, if the last scan is longer ago than that or was cut short.
    func run(every interval: Duration, now: Timestamp) async throws {
        let state = try await engine.redis.send(RedisCommand("HMGET", [key, "cursor", "finished_ms"]))
        var cursor = state[0].string ?? "0"
        let finished = state[1].integer.map { Timestamp(milliseconds: $0) }
        if cursor == "0", let finished, now - finished < interval { return }
        let index = cleanup.index ?? engine.keys.index(cleanup.name)
        repeat {
            try control.checkpoint()
            let (next, ids) = try await batch(from: cursor)
            cursor = next
            var commands: [RedisCommand] = []
            if !ids.isEmpty {
                let score = String(now.milliseconds)
                commands.append(RedisCommand("ZADD", [index, "NX"] + ids.flatMap { [score, $0] }))
            }
            commands.append(RedisCommand("HSET", [key, "cursor", cursor]))
            for reply in try await engine.redis.pipeline(commands) {
                if let error = reply.error {
                    throw CurfewError(.server, "indexing \(cleanup.records.text): \(error.message)")
                }
            }
            control.advance { $0.step = "scan" }
        } while cursor != "0"
        _ = try await engine.redis.send(RedisCommand("HSET", [key, "finished_ms", String(now.milliseconds)]))
    }

    /// Finds records without writing anything, for a preview: at most ``mostListed``.
    func entries() async throws -> [DueEntry] {
        var found: [String: DueEntry] = [:]
        var cursor = "0"
        repeat {
            try control.checkpoint()
            let (next, ids) = try await batch(from: cursor)
            cursor = next
            for id in ids { found[id] = DueEntry(id: id, score: 0, scoreText: "0") }
            control.advance { $0.step = "scan" }
        } while cursor != "0" && found.count < Self.mostListed
        return found.values.sorted { $0.id < $1.id }
    }

    private func batch(from cursor: String) async throws -> (next: String, ids: [String]) {
        var arguments = [cursor, "MATCH", cleanup.records.scanPattern, "COUNT", String(Self.batch)]
        // Locks may be plain strings; everything else is a hash.
        if type(of: cleanup.policy).kind != .locks { arguments += ["TYPE", "hash"] }
        let reply = try await engine.redis.send(RedisCommand("SCAN", arguments))
        guard reply.count == 2, let next = reply[0].string else {
            throw CurfewError(.damaged, "SCAN answered something unexpected")
        }
        return (next, reply[1].elements.compactMap(\.string).compactMap(cleanup.records.id(of:)))
    }
}
