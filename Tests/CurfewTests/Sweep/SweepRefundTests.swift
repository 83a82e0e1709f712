import Policies
import RedisClient
import TestNeeds
import Testing

@testable import Curfew

/// A charge is paid back once, whoever asks and however often.
@Suite("sweep: refunds", .tags(.ownServer), .everyTopology)
struct SweepRefundTests {
    private func stick(_ scene: SweepScene, charged: Timestamp) async throws {
        try await scene.write(
            "job:a", SweepStuckTests.job(.milliseconds, started: charged), index: "jobs:deadlines", id: "a")
    }

    @Test("fail, re-queue, charge, stick, fail: two refunds, and none when it is swept again")
    func twice() async throws {
        try await withSweepScene(SweepCleanups.stuck) { scene in
            let first = scene.began - .seconds(7_200)
            try await stick(scene, charged: first)
            #expect(try await scene.run("stuck-jobs").tokensRefunded == 10)
            let second = scene.began - .seconds(3_600)
            try await stick(scene, charged: second)
            #expect(try await scene.run("stuck-jobs").tokensRefunded == 10)
            #expect(try await scene.run("stuck-jobs").tokensRefunded == 0)
            // An index entry that outlived its record's end, as after a crash of the app.
            _ = try await scene.send("ZADD", "jobs:deadlines", "1000", "a")
            #expect(try await scene.run("stuck-jobs").totalFound == 0)

            #expect(try await scene.text("user:u1:tokens") == "20")
            let ledger = ["job:a@\(first.milliseconds)": "10", "job:a@\(second.milliseconds)": "10"]
            #expect(try await scene.hash("user:u1:refunds") == ledger)
            #expect(try await scene.stream(scene.keys.events).compactMap { $0["tokens"] } == ["10", "10"])
        }
    }

    @Test("a charge that is in the ledger already fails without a second refund")
    func alreadyPaid() async throws {
        try await withSweepScene(SweepCleanups.stuck) { scene in
            let charged = scene.began - .seconds(600)
            try await stick(scene, charged: charged)
            _ = try await scene.send("HSET", "user:u1:refunds", "job:a@\(charged.milliseconds)", "10")

            let result = try await scene.run("stuck-jobs")

            #expect(result.cleanedUp == 1 && result.skipped == 0 && result.tokensRefunded == 0)
            #expect(result.records.map(\.tokensRefunded) == [0])
            #expect(try await scene.hash("job:a")["status"] == "FAILED")
            #expect(try await scene.send("EXISTS", "user:u1:tokens").integer == 0)
            #expect(try await scene.stream(scene.keys.events).map { $0["tokens"] } == ["0"])
            #expect(try await scene.members("jobs:deadlines") == [])
        }
    }

    @Test("a job that cost nothing fails without touching balance or ledger")
    func free() async throws {
        try await withSweepScene(SweepCleanups.stuck) { scene in
            var job = SweepStuckTests.job(.seconds, started: scene.began - .seconds(600))
            job["tokensCost"] = "0"
            try await scene.write("job:a", job, index: "jobs:deadlines", id: "a")
            #expect(try await scene.run("stuck-jobs").cleanedUp == 1)
            #expect(try await scene.existing("user:u1:tokens", "user:u1:refunds") == 0)
        }
    }

    @Test("a job that sticks every time is recovered twice in the window, then fails with that reason and one refund")
    func poison() async throws {
        try await withSweepScene(SweepCleanups.retried) { scene in
            for round in 1...3 {
                var job = SweepStuckTests.job(.seconds, started: scene.began - .seconds(600))
                // The app resets its own count of attempts each time.
                job["attempts"] = "0"
                try await scene.write("job:a", job, index: "jobs:deadlines", id: "a")
                let result = try await scene.run("stuck-jobs")
                #expect(result.retried == (round < 3 ? 1 : 0) && result.cleanedUp == 1)
            }
            let job = try await scene.hash("job:a")
            #expect(job["status"] == "FAILED")
            let reason = try await scene.stream(scene.keys.events).last?["reason"]
            #expect(reason?.hasSuffix("; recovered 2 times in 3d") == true)
            #expect(try await scene.text("user:u1:tokens") == "10")
            #expect(try await scene.send("LLEN", "jobs:queued").integer == 2)
        }
    }
}
