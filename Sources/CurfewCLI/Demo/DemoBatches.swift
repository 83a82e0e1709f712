internal import Curfew
internal import Policies
internal import RedisClient

/// Paused batches: recent ones, old ones, and ones so old that their owners won't return.
struct DemoBatches: Sendable {
    /// A kind of batch.
    struct Kind: Sendable {
        let name: String
        let count: Int
        /// How many days ago they were paused.
        let days: Int
        var status = "paused"
        /// Whether they have the marks of an earlier pause.
        var isMarked = false
        /// The expected result: their status, and the marks of this pause.
        let outcome: String
    }

    /// All kinds.
    let kinds = [
        Kind(name: "fresh", count: 20, days: 1, outcome: "paused"),
        Kind(name: "forgotten", count: 20, days: 10, outcome: "paused, stale"),
        Kind(name: "dusty", count: 20, days: 25, outcome: "paused, stale, warned"),
        Kind(name: "again", count: 10, days: 25, isMarked: true, outcome: "paused, stale, warned"),
        Kind(name: "abandoned", count: 20, days: 40, outcome: "cancelled"),
        Kind(name: "resumed", count: 10, days: 40, status: "running", outcome: "running"),
    ]

    /// The number of batches.
    var count: Int { kinds.reduce(0) { $0 + $1.count } }

    /// Writes the batches, each due in the application's own index.
    func commands(_ now: Timestamp) -> [RedisCommand] {
        kinds.flatMap { kind in
            (0..<kind.count).flatMap { number -> [RedisCommand] in
                let id = "\(kind.name)-\(number)"
                var fields = ["status", kind.status, "updatedAt", Self.time(kind.days, before: now)]
                if kind.isMarked {
                    fields += ["staleSince", Self.time(70, before: now), "warnedAt", Self.time(60, before: now)]
                }
                return [
                    RedisCommand("HSET", ["batch:\(id)"] + fields),
                    RedisCommand("ZADD", ["batches:paused", String((now - .seconds(60)).milliseconds), id]),
                ]
            }
        }
    }

    /// How many batches are as expected, with `updatedAt` unchanged unless they were cancelled.
    func right(in found: [String: [String]], loaded: Timestamp) -> Int {
        kinds.reduce(0) { sum, kind in
            sum
                + (0..<kind.count).count { number in
                    guard let values = found["\(kind.name)-\(number)"], values.count == Self.fields.count else {
                        return false
                    }
                    let paused = Self.time(kind.days, before: loaded)
                    let isTouched = kind.outcome == "cancelled" && values[1] > paused
                    guard isTouched || values[1] == paused else { return false }
                    // ISO 8601 in UTC: a later time is a later text.
                    let marks = (values[2] >= values[1] ? ", stale" : "") + (values[3] >= values[1] ? ", warned" : "")
                    return values[0] + marks == kind.outcome
                }
        }
    }

    /// The fields that are read back.
    static let fields = ["status", "updatedAt", "staleSince", "warnedAt"]

    private static func time(_ days: Int, before now: Timestamp) -> String {
        (now - .seconds(days * 86_400)).iso8601
    }
}
