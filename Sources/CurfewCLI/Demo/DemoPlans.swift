internal import Curfew
internal import Policies
internal import RedisClient

/// Plans that wait for a job: one that doesn't exist, one that has ended, or one that is being processed.
struct DemoPlans: Sendable {
    /// A kind of plan.
    struct Kind: Sendable {
        let name: String
        let count: Int
        /// The job they wait for.
        let parent: String
        var minutes = 30
        /// The expected status.
        let outcome: String
    }

    /// All kinds.
    ///
    /// The jobs belong to the workload: ended jobs that are kept, and jobs whose worker is alive.
    let kinds = [
        Kind(name: "parentless", count: 40, parent: "nowhere", outcome: "DRAFT"),
        Kind(name: "missed", count: 30, parent: "young", outcome: "DRAFT"),
        Kind(name: "waiting", count: 30, parent: "held", outcome: "PENDING"),
        // The application may be about to write the job.
        Kind(name: "early", count: 10, parent: "nowhere", minutes: 1, outcome: "PENDING"),
    ]

    /// The number of plans.
    var count: Int { kinds.reduce(0) { $0 + $1.count } }

    /// Writes the plans, each due in the application's own index.
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

    /// How many plans are as expected.
    func right(in found: [String: String]) -> Int {
        kinds.reduce(0) { sum, kind in
            sum + (0..<kind.count).count { found["\(kind.name)-\($0)"] == kind.outcome }
        }
    }
}
