import Curfew
import Hummingbird
import Logging

/// The shop: takes jobs over HTTP, and shows those that are stuck.
public struct Shop: Sendable {
    private let redis: ShopRedis
    private let curfew: CurfewClient

    /// A shop with its Redis, and a client that looks after its jobs.
    public init(redis: ShopRedis, curfew: CurfewClient) {
        (self.redis, self.curfew) = (redis, curfew)
    }

    /// A job as it is asked for.
    struct NewJob: Decodable {
        var userId: String
        var cost: Int
    }

    /// A job that was taken.
    struct Taken: ResponseEncodable {
        var id: Int
    }

    /// A job that is stuck.
    struct Stuck: ResponseEncodable {
        var id: String
        var action: String
        var refund: String
    }

    /// The routes.
    public var router: Router<BasicRequestContext> {
        let router = Router()
        router.post("jobs") { request, context -> EditedResponse<Taken> in
            let job = try await request.decode(as: NewJob.self, context: context)
            return EditedResponse(status: .accepted, response: Taken(id: try await enqueue(job)))
        }
        router.get("jobs/stuck") { _, _ -> [Stuck] in
            try await curfew.findStuckJobs(limit: 50).map {
                Stuck(id: $0.id, action: $0.action, refund: "\($0.tokensRefunded)")
            }
        }
        router.get("health") { _, _ -> HTTPResponse.Status in
            let status = try await curfew.status()
            return status.instances.contains(where: \.isAlive) ? .ok : .serviceUnavailable
        }
        return router
    }

    /// Charges the user, and writes the job with its deadline.
    private func enqueue(_ job: NewJob) async throws -> Int {
        guard case .number(let id) = try await redis.send("INCR", "jobs:last") else {
            throw HTTPError(.internalServerError)
        }
        try await redis.send("DECRBY", "user:\(job.userId):tokens", String(job.cost))
        try await redis.send(
            "HSET", "job:\(id)", "status", "QUEUED", "userId", job.userId, "cost", String(job.cost))
        try await redis.send("LPUSH", "jobs:queued", String(id))
        return id
    }
}
