import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

@Suite("curfew_renew", .tags(.ownServer))
struct FunctionsRenewTests {
    @Test("a renewal extends the lease and publishes how far the run is")
    func renews() async throws {
        try await withFunctions { scene in
            try await scene.claim("jobs")
            try await scene.schedule("jobs", in: 12_000)
            let before = try await scene.now()
            #expect(
                try await scene.renew("jobs", fence: "1", ["found": "7", "step": "sweep"]) == .renewed(cancelledBy: nil)
            )
            let lease = try await scene.hash(scene.keys.lease("jobs"))
            #expect(lease["found"] == "7")
            #expect(lease["step"] == "sweep")
            let renewed = try #require(lease["renewed_ms"].flatMap { Int64($0) })
            #expect(renewed >= before)
            #expect(try await scene.score("jobs") == renewed + 120_000)
        }
    }

    @Test("another fence, an older one as well as a newer one, is lost and changes nothing", arguments: ["1", "3", ""])
    func wrongFence(fence: String) async throws {
        try await withFunctions { scene in
            try await scene.claim("jobs")
            try await scene.schedule("jobs", in: -1)
            try await scene.claim("jobs", by: "two")
            let lease = try await scene.hash(scene.keys.lease("jobs"))
            let end = try await scene.score("jobs")
            #expect(try await scene.renew("jobs", fence: fence, ["found": "7"]) == .lost)
            #expect(try await scene.hash(scene.keys.lease("jobs")) == lease)
            #expect(try await scene.score("jobs") == end)
        }
    }

    @Test("the same fence in another hand, or given at another time, is lost", arguments: ["instance", "acquired_ms"])
    func sameFence(field: String) async throws {
        try await withFunctions { scene in
            let term = try #require(try await scene.claim("jobs")["term"]?.string)
            #expect(try await scene.renew("jobs", fence: term) == .renewed(cancelledBy: nil))
            try await scene.send("HSET", scene.keys.lease("jobs"), field, "7")
            let lease = try await scene.hash(scene.keys.lease("jobs"))
            #expect(try await scene.renew("jobs", fence: term, ["found": "7"]) == .lost)
            #expect(try await scene.hash(scene.keys.lease("jobs")) == lease)
        }
    }

    @Test("a lease that ran out is lost, though nobody has taken it")
    func ranOut() async throws {
        try await withFunctions { scene in
            try await scene.claim("jobs")
            try await scene.schedule("jobs", in: -1)
            let end = try await scene.score("jobs")
            #expect(try await scene.renew("jobs", fence: "1", ["found": "7"]) == .lost)
            #expect(try await scene.score("jobs") == end)
            #expect(try await scene.hash(scene.keys.lease("jobs"))["found"] == "0")
        }
    }

    @Test("a lease that is on no schedule, or is not there, is lost", arguments: [true, false])
    func gone(isLeaseThere: Bool) async throws {
        try await withFunctions { scene in
            try await scene.claim("jobs")
            try await scene.send("DEL", isLeaseThere ? scene.keys.schedule : scene.keys.lease("jobs"))
            #expect(try await scene.renew("jobs", fence: "1") == .lost)
            #expect(try await scene.send("EXISTS", scene.keys.schedule, scene.keys.lease("jobs")).integer == 1)
        }
    }

    @Test("the wish to cancel is answered until the lease ends, and is not there in the next")
    func cancel() async throws {
        try await withFunctions { scene in
            try await scene.claim("jobs")
            try await scene.send("HSET", scene.keys.lease("jobs"), "cancel", "ann")
            #expect(try await scene.renew("jobs", fence: "1") == .renewed(cancelledBy: "ann"))
            #expect(try await scene.renew("jobs", fence: "1") == .renewed(cancelledBy: "ann"))
            try await scene.schedule("jobs", in: -1)
            try await scene.claim("jobs", by: "two")
            #expect(try await scene.renew("jobs", fence: "2") == .renewed(cancelledBy: nil))
        }
    }
}
