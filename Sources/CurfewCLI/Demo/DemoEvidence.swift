internal import Algorithms
internal import Curfew
internal import Policies
internal import RedisClient

/// The state of Redis after the demo, read from the application's records and from Curfew's streams.
struct DemoEvidence: Sendable {
    /// Job id → status.
    private(set) var jobs: [String: String] = [:]
    /// Group id → its status and its counts of completed and failed tasks: `completed 8 2`.
    private(set) var groups: [String: String] = [:]
    /// All entries of the events stream, oldest first.
    private(set) var events: [Event] = []
    /// All ended runs, oldest first.
    private(set) var runs: [StreamEntry] = []
    /// The entries of the application's queue.
    private(set) var queue: [String] = []
    /// The entries of the jobs' index that are not yet due.
    private(set) var scheduled: Set<String> = []
    /// Tokens added to balances, and entries and tokens in ledgers.
    private(set) var paid = 0, ledgerEntries = 0, ledgerTokens = 0
    /// The locks that still exist.
    private(set) var locks: Set<String> = []
    /// Batch id → its ``DemoBatches/fields``.
    private(set) var batches: [String: [String]] = [:]
    /// Plan id → its status.
    private(set) var plans: [String: String] = [:]
    /// The ids of jobs that still have a log.
    private(set) var logs: Set<String> = []
    /// File id → its status; empty if it has none.
    private(set) var files: [String: String] = [:]
    /// The names of the objects in the bucket.
    private(set) var objects: Set<String> = []

    private let redis: RedisClient

    /// Reads everything.
    static func read(_ engine: Engine, _ storage: ObjectStorage?) async throws -> DemoEvidence {
        var evidence = DemoEvidence(redis: engine.redis)
        try await evidence.readRecords()
        try await evidence.readTokens()
        if let storage { evidence.objects = Set(try await storage.list(prefix: "")) }
        let now = try await engine.serverClock().now
        let history = History(engine: engine)
        // An error event is not a change.
        evidence.events = try await history.last(.max, of: engine.keys.events) { _ in true }
            .map(Event.init).filter { $0.action != Change.errorAction }.reversed()
        evidence.runs = try await history.last(.max, of: engine.keys.runs).reversed()
        evidence.queue = try await engine.redis.send(RedisCommand("LRANGE", ["jobs:queued", "0", "-1"])).strings
        evidence.scheduled = Set(
            try await engine.redis.send(
                RedisCommand("ZRANGEBYSCORE", ["jobs:deadlines", "(\(now.milliseconds)", "+inf"])
            ).strings)
        return evidence
    }

    private init(redis: RedisClient) {
        self.redis = redis
    }

    private mutating func readRecords() async throws {
        let found = try await keys("job:*")
        logs = Set(found.filter { $0.hasSuffix(":log") }.map { String($0.dropFirst(4).dropLast(4)) })
        jobs = try await statuses("job:", of: found.filter { !$0.hasSuffix(":log") })
        plans = try await statuses("plan:", of: keys("plan:*"))
        files = try await statuses("file:", of: keys("file:*"))
        batches = try await values(of: DemoBatches.fields, "batch:", of: keys("batch:*"))
        groups = try await values(of: ["status", "completed", "failed"], "generation:", of: keys("generation:*"))
            .mapValues { $0.joined(separator: " ") }
        locks = Set(try await keys("lock:*"))
    }

    private mutating func readTokens() async throws {
        for user in 0..<DemoWorkload.users {
            let replies = try await redis.pipeline([
                RedisCommand("GET", ["user:u\(user):tokens"]), RedisCommand("HVALS", ["user:u\(user):refunds"]),
            ])
            paid = paid.bounded(plus: Int(replies[0].integer ?? 0).bounded(minus: DemoWorkload.balance))
            let entries = replies[1].strings
            ledgerEntries += entries.count
            ledgerTokens += entries.reduce(0) { $0 + (Int($1) ?? 0) }
        }
    }

    private func keys(_ pattern: String) async throws -> [String] {
        var found: Set<String> = []
        var cursor = "0"
        repeat {
            let reply = try await redis.send(RedisCommand("SCAN", [cursor, "MATCH", pattern, "COUNT", "1000"]))
            cursor = reply[0].string ?? "0"
            found.formUnion(reply[1].strings)
        } while cursor != "0"
        return Array(found)
    }

    private func statuses(_ prefix: String, of keys: [String]) async throws -> [String: String] {
        try await values(of: ["status"], prefix, of: keys).mapValues { $0[0] }
    }

    /// Id → the values of those fields; empty if a field is absent.
    private func values(
        of fields: [String], _ prefix: String, of keys: [String]
    ) async throws -> [String: [String]] {
        var found: [String: [String]] = [:]
        for page in keys.chunks(ofCount: 1_000) {
            let replies = try await redis.pipeline(page.map { RedisCommand("HMGET", [$0] + fields) })
            for (key, reply) in zip(page, replies) {
                let values = reply.strings + Array(repeating: "", count: fields.count - reply.count)
                found[String(key.dropFirst(prefix.count))] = values
            }
        }
        return found
    }
}

extension RedisValue {
    /// The elements of a list as texts; null counts as an empty list.
    fileprivate var strings: [String] {
        elements.map { $0.string ?? "" }
    }
}
