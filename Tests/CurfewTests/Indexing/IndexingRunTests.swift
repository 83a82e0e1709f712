import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

/// When a run scans, when it waits for the scan of another, and when it goes on without.
@Suite("indexing: runs", .tags(.ownServer), .everyTopology, .timeLimit(.minutes(5)))
struct IndexingRunTests {
    private func makeScan(_ scene: SweepScene, _ name: String = "no-index") throws -> KeyspaceScan {
        let control = RunControl(trust: nil, timeout: .seconds(60))
        return KeyspaceScan(engine: scene.engine, cleanup: try scene.cleanup(name), control: control)
    }

    @Test("the schedule's first run scans, later ones don't; a person's run does")
    func interval() async throws {
        try await withSweepScene(SweepCleanups.unindexed) { scene in
            let cleanup = try scene.cleanup("no-index")
            let old = scene.began - .seconds(600)
            try await IndexingScanTests.fill(scene, 1, updated: old)
            #expect(try await scene.run(cleanup, trigger: "schedule").cleanedUp == 1)
            let scan = try await scene.hash(scene.keys.scan("no-index"))
            try await IndexingScanTests.fill(scene, 1, from: 1, updated: old)
            #expect(try await scene.run(cleanup, trigger: "schedule").cleanedUp == 0)
            #expect(try await scene.hash(scene.keys.scan("no-index")) == scan)
            #expect(try await scene.run(cleanup).cleanedUp == 1)
        }
    }

    @Test("a run waits for the scan that another is at, and finds what that found")
    func waits() async throws {
        try await withSweepScene(SweepCleanups.unindexed) { scene in
            try await IndexingScanTests.fill(scene, 2_000, updated: scene.began - .seconds(600))
            let cleanup = try scene.cleanup("no-index")
            let other = try makeScan(scene)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    var fence = ""
                    let outcome = try await other.runOnce(.now, fence: &fence)
                    #expect(outcome == .finished)
                }
                try await eventually("the scan", every: .milliseconds(1)) {
                    try await scene.hash(scene.keys.scan("no-index"))["instance"] != nil
                }
                #expect(try await scene.run(cleanup).cleanedUp == 2_000)
                try await group.waitForAll()
            }
            // One scan was enough for both.
            #expect(try await scene.hash(scene.keys.scan("no-index"))["fence"] == "1")
        }
    }

    @Test("a run whose time is up while it scans gives the scan back, with the cursor")
    func timedOut() async throws {
        try await withSweepScene(SweepCleanups.unindexed) { scene in
            try await IndexingScanTests.fill(scene, 3_000, updated: scene.began)
            let control = RunControl(trust: nil, timeout: .seconds(60))
            let scan = KeyspaceScan(engine: scene.engine, cleanup: try scene.cleanup("no-index"), control: control)
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    await #expect(throws: RunControl.Stop.timedOut) { try await scan.runBeforeSweep(isAsked: true) }
                }
                while control.progress.percent < 20 { await Task.yield() }
                control.stop(.timedOut)
            }
            let hash = try await scene.hash(scene.keys.scan("no-index"))
            #expect(hash["cursor"] != "0" && hash["instance"] == nil && hash["finished_ms"] == nil)
            try await makeScan(scene).runBeforeSweep(isAsked: false)
            #expect(try await scene.send("ZCARD", scene.keys.index("no-index")).integer == 3_000)
            let through = try await scene.hash(scene.keys.scan("no-index"))
            #expect(through["added"] == "3000" && through["started_ms"] == hash["started_ms"])
        }
    }

    @Test("an index of the app's own is repaired: what is active is adopted, with a fresh deadline")
    func repair() async throws {
        try await withSweepScene(SweepCleanups.stuck + "\n  scan: 1h") { scene in
            let started = scene.began - .seconds(600)
            let job = SweepStuckTests.job(.seconds, started: started)
            try await scene.write("job:lost", job)
            try await scene.write("job:known", job, index: "jobs:deadlines", id: "known", due: started)
            try await scene.write("job:done", job.merging(["status": "COMPLETED"]) { $1 })
            try await scene.write("job:queued", job.merging(["status": "QUEUED"]) { $1 })
            try await scene.write("job:malformed", job.merging(["processingStartedAt": "soon"]) { $1 })

            // The schedule doesn't wait for it: its runs have the app's index.
            let cleanup = try scene.cleanup("stuck-jobs")
            #expect(try await scene.run(cleanup, trigger: "schedule").cleanedUp == 1)
            #expect(try await scene.send("EXISTS", scene.keys.scan("stuck-jobs")).integer == 0)

            let asked = try await scene.run(cleanup)

            #expect(asked.cleanedUp == 0 && asked.failed == 0)
            #expect(try await scene.members("jobs:deadlines") == ["lost"])
            let score = try #require(try await scene.score("lost", in: "jobs:deadlines"))
            // The longest timeout is that of TIER_4K.
            let now = try await scene.engine.serverClock().now.milliseconds
            #expect((scene.began.milliseconds + 1_200_000...now + 1_200_000).contains(score))
            #expect(try await scene.hash(scene.keys.scan("stuck-jobs"))["added"] == "1")
            // Once its time has come, it is as any other.
            _ = try await scene.send("ZADD", "jobs:deadlines", "\(started.milliseconds)", "lost")
            #expect(try await scene.run(cleanup).tokensRefunded == 10)
        }
    }

    @Test("the timeout of one run changes no deadline in the index")
    func override() async throws {
        try await withSweepScene(SweepCleanups.unindexed) { scene in
            try await IndexingScanTests.fill(scene, 50, updated: scene.began - .seconds(100))
            let result = try await scene.run(try scene.cleanup("no-index"), limit: 20, timeout: .seconds(60))
            #expect(result.cleanedUp == 20)
            let due = (scene.began + .seconds(200)).milliseconds
            let index = scene.keys.index("no-index")
            #expect(try await scene.send("ZCOUNT", index, "\(due)", "\(due)").integer == 30)
        }
    }
}
