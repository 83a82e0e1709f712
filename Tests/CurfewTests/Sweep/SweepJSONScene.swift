import Policies
import RedisClient

@testable import Curfew

/// The cleanups and records that sweeps of JSON are tested with.
enum SweepJSON {
    static let stuck = """
        stuck-jobs:
          policy: stuck
          every: 15m
          format: json
          records: job:<id>
          index: jobs:deadlines
          status: meta.status
          states: [PROCESSING]
          since: [timing.startedAt]
          heartbeat: timing.beatAt
          timeout: 5m
          alive: worker:<worker.id>:alive
          completed-when: result.url
          to: FAILED
          refund: {amount: cost.tokens, balance: "user:<owner>:tokens", ledger: "user:<owner>:refunds"}
        """

    static let retried =
        stuck + "\n  retry: {limit: 2, window: 72h, to: QUEUED, queue: jobs:queued, attempts: meta.attempts}"

    static let counters = """
        stuck-generations:
          policy: counters
          every: 30m
          format: json
          records: generation:<id>
          index: generations
          states: [processing]
          since: [at]
          timeout: 3h
          total: tasks.total
          counters: {queued: tasks.queued, processing: tasks.active, completed: tasks.done, failed: tasks.failed}
          members: {set: "generation:<name>:tasks", record: "task:<id>"}
        """

    static let locks = """
        generation-locks:
          policy: locks
          every: 30m
          format: json
          records: lock:<id>
          index: locks
          since: [acquired.at]
          timeout: 3h
          alive: worker:<acquired.by>:alive
        """

    /// A job in an app's own handwriting: spacing, escapes, numbers and all.
    static func job(_ startedAt: String, status: String = "PROCESSING") -> String {
        """
        { "id" : "a", "meta": {"status": "\(status)", "attempts": 1 , "tags":["x", {"y" : 1.50}]},
          "timing": { "startedAt": \(startedAt) }, "cost": {"tokens": 10}, "owner": "u1",
          "result": null, "prompt": "a caf\\u00e9\\/bar", "big": 12345678901234567890 }

        """
    }
}

extension SweepScene {
    /// Writes a record as a string, and its entry in the index.
    func write(json: String, _ key: String, index: String, id: String, due: Int64 = 1_000) async throws {
        let replies = try await redis.pipeline([
            RedisCommand("SET", [key, json]), RedisCommand("ZADD", [index, String(due), id]),
        ])
        if let error = replies.compactMap(\.error).first { throw CurfewError(.server, error.message) }
    }
}
