import Policies
import RedisClient
import TestNeeds
import Testing

@testable import Curfew

/// The index is only a hint: entries go exactly where what they stand for is done, and are found where none were kept.
@Suite("sweep: the index", .tags(.ownServer), .everyTopology)
struct SweepIndexTests {
    @Test("exactly the entries go whose records were dealt with")
    func exact() async throws {
        try await withSweepScene(SweepCleanups.retried) { scene in
            let past = scene.began - .seconds(3_600)
            for number in 0..<500 {
                var job = SweepStuckTests.job(.milliseconds, started: past)
                switch number % 6 {
                case 0: job["attempts"] = "9"  // fails: goes
                case 1: job["resultUrl"] = "x"  // completed: goes
                case 2: job["status"] = "CANCELLED"  // final: goes
                case 3: job["processingStartedAt"] = "soon"  // malformed: stays due
                case 4: job["heartbeatAt"] = "\(scene.began.milliseconds)"  // beating: stays, later
                default: break  // retried: stays, later
                }
                try await scene.write("job:\(number)", job, index: "jobs:deadlines", id: "\(number)")
            }
            let due = (scene.began - .seconds(1)).milliseconds
            // Not due, so not looked at, whatever its record says.
            let later = (scene.began + .seconds(999)).milliseconds
            _ = try await scene.send("ZADD", "jobs:deadlines", "\(later)", "future")

            let result = try await scene.run("stuck-jobs")

            #expect(result.cleanedUp == 84 + 84 + 83 && result.failed == 83)
            for number in 0..<500 {
                let score = try await scene.score("\(number)", in: "jobs:deadlines")
                switch number % 6 {
                case 0...2: #expect(score == nil, "\(number) is still there")
                case 3: #expect(score == due)
                default: #expect(try #require(score) > scene.began.milliseconds)
                }
            }
            #expect(try await scene.score("future", in: "jobs:deadlines") != nil)
        }
    }

    @Test("records without an index are found by a scan, and watched from then on")
    func adopts() async throws {
        try await withSweepScene(SweepCleanups.unindexed) { scene in
            let old = "\((scene.began - .seconds(600)).milliseconds)"
            let young = scene.began - .seconds(60)
            for number in 0..<1_200 {
                let updated = number % 3 == 0 ? old : "\(young.milliseconds)"
                try await scene.write("plain:\(number)", ["status": "PROCESSING", "updatedAt": updated])
            }
            try await scene.write("other:1", ["status": "PROCESSING", "updatedAt": old])
            _ = try await scene.send("SET", "plain:text", "not a record")

            let result = try await scene.run(try scene.cleanup("no-index"), trigger: "schedule")

            #expect(result.cleanedUp == 400 && result.failed == 0)
            let index = scene.keys.index("no-index")
            #expect(try await scene.send("ZCARD", index).integer == 800)
            #expect(try await scene.score("1", in: index) == (young + .seconds(300)).milliseconds)
            #expect(try await scene.hash("other:1")["status"] == "PROCESSING")
            let scan = try await scene.hash(scene.keys.scan("no-index"))
            #expect(scan["cursor"] == "0" && scan["finished_ms"] != nil)
        }
    }
}
