internal import Curfew
internal import Policies
internal import RedisClient

/// Plans that wait for a job: one that will never come, one that has ended without them, or one that is at work.
struct DemoPlans: Sendable {
    /// What some of them have in common.
    struct Kind: Sendable {
        let name: String
        let count: Int
        /// Which job they wait for.
        let parent: String
        var minutes = 30
        /// What must become of them.
        let outcome: String
    }

    /// All of them.
    ///
    /// The jobs are those of the other kinds: ended ones that are kept, and ones whose worker is alive.
    let kinds = [
        Kind(name: "parentless", count: 40, parent: "nowhere", outcome: "DRAFT"),
        Kind(name: "missed", count: 30, parent: "young", outcome: "DRAFT"),
        Kind(name: "waiting", count: 30, parent: "held", outcome: "PENDING"),
        // Its job may be written in a moment.
        Kind(name: "early", count: 10, parent: "nowhere", minutes: 1, outcome: "PENDING"),
    ]

    /// How many there are.
    var count: Int { kinds.reduce(0) { $0 + $1.count } }

    /// Writes them, each due in the application's own index.
    func commands(_ now: Timestamp) -> [RedisCommand] {
        kinds.flatMap { kind in
            (0..<kind.count).flatMap { number -> [RedisCommand] in
                let id = "\(kind.name)-\(number)"
                let updated = (now - .seconds(kind.minutes * 60)).iso8601
                return [
                    RedisCommand(
                        "HSET",
                        ["plan:\(id)", "status", "PENDING", "updatedAt", updated, "jobId", "\(kind.parent)-\(number)"]),
                    RedisCommand("ZADD", ["plans:pending", String((now - .seconds(60)).milliseconds), id]),
                ]
            }
        }
    }

    /// How many are as they must be.
    func right(in found: [String: String]) -> Int {
        kinds.reduce(0) { sum, kind in
            sum + (0..<kind.count).count { found["\(kind.name)-\($0)"] == kind.outcome }
        }
    }
}
