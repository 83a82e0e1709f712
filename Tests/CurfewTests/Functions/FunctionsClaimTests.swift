import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

@Suite("curfew_tick: claims", .tags(.ownServer))
struct FunctionsClaimTests {
    @Test("a claim gives the lease, a fence and the run, and moves the schedule to the lease's end")
    func claims() async throws {
        try await withFunctions { scene in
            try await scene.schedule("jobs", in: -1_500)
            let due = try await scene.score("jobs")
            let answer = try await scene.tick(.init("jobs"))
            let now = try #require(answer["now"]?.integer)
            #expect(answer["claim"]?.string == "jobs")
            #expect(answer["run"]?.string == "jobs-1")
            #expect(answer["fence"]?.string == "1")
            #expect(answer["term"]?.string == "1 one \(now)")
            #expect(answer["due"]?.integer == due)
            #expect(answer["late"]?.integer == now - (due ?? 0))
            #expect(answer["lost"]?.string == "")
            #expect(try await scene.score("jobs") == now + 120_000)
            #expect(try await scene.hash(scene.keys.fence) == ["jobs": "1"])
            #expect(
                try await scene.hash(scene.keys.lease("jobs")) == [
                    "instance": "one", "run": "jobs-1", "fence": "1", "acquired_ms": String(now),
                    "renewed_ms": String(now), "due_ms": String(due ?? 0), "trigger": "schedule", "dry_run": "0",
                    "found": "0", "changed": "0", "failed": "0", "progress": "0", "step": "claimed",
                ])
        }
    }

    @Test("of several that are due the most overdue is claimed by an instance with one place")
    func mostOverdue() async throws {
        try await withFunctions { scene in
            try await scene.schedule("a", in: -100_000)
            try await scene.schedule("b", in: -300_000)
            try await scene.schedule("c", in: -200_000)
            var order: [String?] = []
            for _ in 0..<4 { order.append(try await scene.tick(.init("a"), .init("b"), .init("c"))["claim"]?.string) }
            #expect(order == ["b", "c", "a", nil])
        }
    }

    @Test("an instance without free places claims nothing")
    func noPlaces() async throws {
        try await withFunctions { scene in
            let answer = try await scene.tick(.init("jobs"), beat: .init(places: 0))
            #expect(answer["claim"] == nil)
            #expect(try await scene.send("EXISTS", scene.keys.lease("jobs")).integer == 0)
        }
    }

    @Test("nothing is claimed before it is due, unless it is asked for")
    func notDue() async throws {
        try await withFunctions { scene in
            try await scene.schedule("jobs", in: 30_000)
            let due = try await scene.score("jobs")
            #expect(try await scene.tick(.init("jobs"))["claim"] == nil)
            let answer = try await scene.claim("jobs")
            #expect(answer["claim"]?.string == "jobs")
            #expect(answer["due"]?.integer == due)
            #expect(answer["late"]?.integer == 0)
            #expect(try await scene.hash(scene.keys.lease("jobs"))["trigger"] == "manual")
        }
    }

    @Test("a paused cleanup can't be claimed by asking: the answer says who paused it")
    func paused() async throws {
        try await withFunctions { scene in
            try await scene.send("HSET", scene.keys.paused, "jobs", #"{"why":"moving"}"#)
            let answer = try await scene.claim("jobs")
            #expect(answer["paused"]?.string == #"{"why":"moving"}"#)
            #expect(answer["claim"] == nil)
            #expect(try await scene.send("EXISTS", scene.keys.lease("jobs"), scene.keys.fence).integer == 0)
        }
    }

    @Test("a cleanup that somebody runs can't be claimed: the answer names holder, run and the lease's end")
    func held() async throws {
        try await withFunctions { scene in
            try await scene.claim("jobs", by: "one")
            let end = try await scene.score("jobs")
            let answer = try await scene.claim("jobs", by: "two")
            #expect(answer["held"]?.string == "jobs")
            #expect(answer["holder"]?.string == "one")
            #expect(answer["run"]?.string == "jobs-1")
            #expect(answer["until"]?.integer == end)
            #expect(answer["claim"] == nil)
            #expect(try await scene.tick(.init("jobs"), beat: .init(instance: "two"))["claim"] == nil)
            #expect(try await scene.hash(scene.keys.fence) == ["jobs": "1"])
        }
    }

    @Test("a dry run is said to be one in the lease, whether it was asked for or configured")
    func dryRun() async throws {
        try await withFunctions { scene in
            try await scene.claim("asked", isDryRun: true)
            #expect(try await scene.hash(scene.keys.lease("asked"))["dry_run"] == "1")
            _ = try await scene.tick(.init("due", isDryRun: true))
            #expect(try await scene.hash(scene.keys.lease("due"))["dry_run"] == "1")
        }
    }

    @Test("a lease that ran out is taken over under a higher fence, its run recorded as lost with all it reported")
    func takeOver() async throws {
        try await withFunctions { scene in
            try await scene.schedule("jobs", in: -3_600_000)
            let due = try await scene.score("jobs")
            let first = try await scene.tick(.init("jobs", isDryRun: true))
            _ = try await scene.renew(
                "jobs", fence: "1",
                ["found": "9", "changed": "5", "retried": "1", "skipped": "2", "failed": "3", "refunded": "70"])
            try await scene.schedule("jobs", in: -10)
            let second = try await scene.tick(.init("jobs"), beat: .init(instance: "two"))
            #expect(second["claim"]?.string == "jobs")
            #expect(second["fence"]?.string == "2")
            #expect(second["lost"]?.string == "jobs-1")
            // Due is what the lost run was due at; late counts from the end of its lease.
            #expect(second["due"]?.integer == due)
            #expect((10...60_000).contains(second["late"]?.integer ?? 0))
            let runs = try await scene.stream(scene.keys.runs)
            try #require(runs.count == 1)
            #expect(
                runs[0].fields.map { "\($0.name)=\($0.value)" } == [
                    "run=jobs-1", "cleanup=jobs", "policy=stuck", "instance=one", "fence=1", "trigger=schedule",
                    "dry_run=1", "status=lost", "due_ms=\(due ?? 0)", "started_ms=\(first["now"]?.string ?? "")",
                    "finished_ms=\(second["now"]?.string ?? "")", "found=9", "changed=5", "retried=1", "skipped=2",
                    "failed=3", "refunded=70", "bytes_freed=0", "absent=0",
                    "error=the lease ran out before the run finished",
                ])
            let lease = try await scene.hash(scene.keys.lease("jobs"))
            #expect(lease["instance"] == "two")
            // Nothing of the lost run stays in the new lease.
            #expect(lease["found"] == "0")
            #expect(lease["refunded"] == nil)
        }
    }

    @Test("a lease without counts is recorded as lost with zeros")
    func takeOverAtOnce() async throws {
        try await withFunctions { scene in
            try await scene.claim("jobs")
            try await scene.schedule("jobs", in: -1)
            #expect(try await scene.claim("jobs", by: "two")["lost"]?.string == "jobs-1")
            let run = try #require(try await scene.stream(scene.keys.runs).first)
            for name in ["found", "changed", "retried", "skipped", "failed", "refunded", "bytes_freed", "absent"] {
                #expect(run[name] == "0")
            }
        }
    }
}
