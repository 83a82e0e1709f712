internal import Curfew
internal import RedisClient
internal import TestSupport

/// What an application has left behind, and what must become of it.
///
/// Small, and of many kinds: every record is either to be changed exactly once or not to be touched at all.
struct Workload: Sendable {
    /// The cleanups of every case.
    static let cleanups = ["stuck-jobs", "generations", "archive", "locks", "files"]
    static let users = 10
    static let balance = 1_000

    /// The time it was written, in Unix milliseconds by the server.
    let loaded: Int64
    /// How long a lease lasts, in milliseconds.
    let lease: Int64
    /// Where the objects of files are.
    let bucket: ObjectStorage
    /// What the names of its objects begin with.
    let name: String

    /// The name of a file's object.
    func object(of id: String) -> String { "\(name)/\(id)" }

    /// Ids that must go from the index of their cleanup, for good or until much later.
    static let going: [String: [String]] = [
        "stuck-jobs": ids("stuck", 140) + ids("done", 20) + ids("race", 20),
        "generations": ids("unmarked", 8) + ids("crashed", 8) + ids("drifted", 4),
        "archive": ids("old", 40), "locks": ids("stale", 20), "files": ids("orphan", 30),
    ]
    /// Jobs that get another try.
    static let retried = ids("retry", 40)
    /// Jobs that the application finishes while Curfew looks at them, if it comes first.
    static let racing = ids("race", 20)
    /// Ids of records that nobody may touch.
    static let kept: [String: [String]] = [
        "stuck-jobs": ids("live", 10) + ids("held", 10), "generations": ids("slow", 4), "archive": ids("young", 10),
        "locks": ids("owned", 5), "files": ids("linked", 10),
    ]

    /// The key of a record.
    static func key(_ cleanup: String, _ id: String) -> String {
        switch cleanup {
        case "stuck-jobs": "job:\(id)"
        case "generations": "generation:\(id)"
        case "archive": "archived:\(id)"
        case "locks": "lock:\(id)"
        default: "file:\(id)"
        }
    }

    /// The index of a cleanup, which the application keeps.
    static func index(_ cleanup: String) -> String { "due:\(cleanup)" }

    /// What a job has cost.
    static func cost(of id: String) -> Int { 1 + number(of: id) % 7 }

    /// Whom it belongs to.
    static func user(of id: String) -> Int { number(of: id) % users }

    private static func number(of id: String) -> Int { id.split(separator: "-").last.flatMap { Int($0) } ?? 0 }

    private static func ids(_ kind: String, _ count: Int) -> [String] { (0..<count).map { "\(kind)-\($0)" } }

    private var hoursAgo: String { String(loaded - 5 * 3_600_000) }

    /// Writes all of it, in an order of its own for every seed.
    func load(into redis: RedisClient, _ random: inout Seeded) async throws {
        var commands = (0..<Self.users).map { RedisCommand("SET", ["user:\($0):tokens", String(Self.balance)]) }
        commands.append(RedisCommand("SET", ["worker:steady:alive", "1"]))
        for cleanup in Self.cleanups {
            let kept = Self.kept[cleanup] ?? []
            var all = (Self.going[cleanup] ?? []) + kept
            if cleanup == "stuck-jobs" { all += Self.retried }
            all.shuffle(using: &random)
            for (place, id) in all.enumerated() {
                let key = Self.key(cleanup, id)
                commands.append(RedisCommand("HSET", [key] + fields(cleanup, id)))
                if cleanup == "archive" { commands.append(RedisCommand("SET", ["\(key):log", "what it did"])) }
                let score = id.hasPrefix("young") ? loaded + 86_400_000 : loaded - 60_000 + Int64(place)
                commands.append(RedisCommand("ZADD", [Self.index(cleanup), String(score), id]))
            }
        }
        for start in stride(from: 0, to: commands.count, by: 500) {
            let replies = try await redis.pipeline(Array(commands[start..<min(start + 500, commands.count)]))
            if let error = replies.lazy.compactMap(\.error).first { throw ChildProcessError("loading: \(error)") }
        }
        for id in (Self.going["files"] ?? []) + (Self.kept["files"] ?? []) {
            try await bucket.put(object(of: id), [1, 2, 3])
        }
    }

    private func fields(_ cleanup: String, _ id: String) -> [String] {
        let kind = id.prefix { $0 != "-" }
        switch cleanup {
        case "stuck-jobs":
            var fields = [
                "status", "PROCESSING", "startedAt", hoursAgo, "cost", String(Self.cost(of: id)),
                "user", String(Self.user(of: id)), "worker", kind == "held" ? "steady" : "gone",
                "attempts", kind == "retry" ? "0" : "2",
            ]
            if kind == "live" { fields += ["heartbeatAt", String(loaded)] }
            if kind == "done" { fields += ["resultUrl", "https://results.example/\(id)"] }
            return fields
        case "generations":
            let counts: (processing: Int, completed: Int, failed: Int)
            switch kind {
            case "unmarked": counts = (0, 7, 3)
            case "crashed": counts = (0, 4, 0)
            case "drifted": counts = (0, 8, 5)
            default: counts = (5, 5, 0)
            }
            return [
                "status", "processing", "startedAt", hoursAgo, "total", "10", "queued", "0",
                "processing", String(counts.processing), "completed", String(counts.completed),
                "failed", String(counts.failed),
            ]
        case "archive": return ["status", "COMPLETED", "finishedAt", kind == "old" ? hoursAgo : String(loaded)]
        case "locks": return ["acquiredAt", hoursAgo, "owner", kind == "owned" ? "steady" : "gone"]
        default:
            let fields = ["uploadedAt", hoursAgo, "object", object(of: id), "size", "3"]
            return kind == "linked" ? fields + ["entity", "album-1"] : fields
        }
    }

    /// The configuration of an instance that reaches Redis there.
    func configuration(redis: String) -> String {
        """
        redis: "\(redis)"
        worker: {lease: \(lease)ms, heartbeat: 1s, concurrency: 8}
        storage:
          uploads:
            endpoint: "\(bucket.configuration.endpoint.text)"
            bucket: \(bucket.configuration.bucket)
            access-key: \(ObjectStore.Key.admin.id)
            secret-key: \(ObjectStore.Key.admin.secret)
        cleanups:
          stuck-jobs:
            policy: stuck
            every: 1s
            page: 20
            records: job:<id>
            index: due:stuck-jobs
            states: [PROCESSING]
            since: [startedAt]
            heartbeat: heartbeatAt
            timeout: 1h
            alive: worker:<worker>:alive
            completed-when: resultUrl
            retry: {limit: 2, window: 72h, to: QUEUED, queue: "jobs:queued"}
            to: FAILED
            refund: {amount: cost, balance: "user:<user>:tokens", ledger: "user:<user>:refunds"}
          generations:
            policy: counters
            every: 1s
            page: 20
            records: generation:<id>
            index: due:generations
            states: [processing]
            since: [startedAt]
            timeout: 1h
            total: total
            counters: {queued: queued, processing: processing, completed: completed, failed: failed}
          archive:
            policy: retention
            every: 1s
            page: 20
            records: archived:<id>
            index: due:archive
            states: [COMPLETED]
            since: [finishedAt]
            keep: 1h
            also: ["archived:<id>:log"]
          locks:
            policy: locks
            every: 1s
            page: 20
            records: lock:<id>
            index: due:locks
            since: [acquiredAt]
            timeout: 1h
            alive: worker:<owner>:alive
          files:
            policy: files
            every: 1s
            page: 20
            records: file:<id>
            index: due:files
            since: [uploadedAt]
            orphan: {unless: entity, after: 1h}
            storage: uploads
            object: object
            size: size

        """
    }
}
