import Policies
import RedisClient
import TestNeeds
import Testing

@testable import Curfew

/// A dry run and a preview are the same sweep with the commit left out: they say what would be done and do none of it.
@Suite("sweep: dry run and preview", .tags(.ownServer), .everyTopology)
struct SweepWatchTests {
    /// Records of every cleanup, with every kind of verdict among them.
    private func fill(_ scene: SweepScene) async throws {
        let past = scene.began - .seconds(10 * 3_600)
        for number in 0..<200 {
            var job = SweepStuckTests.job(.milliseconds, started: number % 4 == 0 ? scene.began : past)
            if number % 5 == 0 { job["resultUrl"] = "x" }
            if number % 7 == 0 { job["tokensCost"] = "many" }
            if number % 11 == 0 { job["status"] = "COMPLETED" }
            try await scene.write("job:\(number)", job, index: "jobs:deadlines", id: "\(number)")
        }
        let time = WrittenTime.seconds.text(past)
        for (id, counts) in [("a", [0, 0, 7, 3]), ("b", [5, 5, 5, 5]), ("c", [1, 1, 1, 1])] {
            try await scene.write(
                "generation:\(id)", SweepCountersTests.group(counts, at: time), index: "generations", id: id)
        }
        try await scene.write("lock:l", ["acquired_at": time, "owner": "w"], index: "locks", id: "l")
        _ = try await scene.send("SET", "mutex:m", "token")
        _ = try await scene.send("ZADD", "mutexes", "1", "m", "1", "gone")
        try await scene.write("plain:p", ["status": "PROCESSING", "updatedAt": time])
    }

    private static let all = [
        SweepCleanups.retried, SweepCleanups.counters, SweepCleanups.locks, SweepCleanups.textLocks,
        SweepCleanups.unindexed,
    ].joined(separator: "\n")

    @Test("a preview of every cleanup writes nothing at all")
    func preview() async throws {
        try await withSweepScene(Self.all) { scene in
            try await fill(scene)
            let before = try await scene.dump(withOwn: true)
            for cleanup in scene.engine.configuration.cleanups {
                let result = try await Preview(engine: scene.engine).run(cleanup, ahead: .seconds(60))
                #expect(result.dryRun && result.cleanedUp == 0 && result.run == "" && result.fence == 0)
                if cleanup.name != "text-locks" { #expect(result.totalFound > 0, "\(cleanup.name) found nothing") }
            }
            #expect(try await scene.dump(withOwn: true) == before)
        }
    }

    @Test("a dry run of every cleanup changes none of the app's keys, and a real run then does what it said")
    func dryRun() async throws {
        try await withSweepScene(Self.all) { scene in
            try await fill(scene)
            for cleanup in scene.engine.configuration.cleanups {
                let before = try await scene.dump()
                let watched = try await scene.run(cleanup, isDryRun: true)
                #expect(watched.dryRun && watched.cleanedUp == 0)
                #expect(try await scene.dump() == before)
                #expect(try await scene.send("EXISTS", scene.keys.events).integer == 0)

                let previewed = try await Preview(engine: scene.engine).run(cleanup)
                let real = try await scene.run(cleanup)
                #expect(real.totalFound == watched.totalFound && real.failed == watched.failed)
                #expect(real.tokensRefunded == watched.tokensRefunded && real.retried == watched.retried)
                #expect(real.cleanedUp == watched.totalFound - watched.failed)
                #expect(previewed.totalFound == real.totalFound && previewed.failed == real.failed)
                let actions = real.records.map { "\($0.id) \($0.action) \($0.to)" }.sorted()
                #expect(actions == watched.records.map { "\($0.id) \($0.action) \($0.to)" }.sorted())
                // The next cleanup starts from what it would have found.
                _ = try await scene.send("FLUSHALL")
                try await fill(scene)
            }
        }
    }

    @Test("a cleanup that is configured to watch only never writes, and its history says so")
    func configured() async throws {
        try await withSweepScene(SweepCleanups.stuck + "\n  dry-run: true") { scene in
            try await fill(scene)
            let before = try await scene.dump()
            let cleanup = try scene.cleanup("stuck-jobs")
            let result = try await scene.run(cleanup, isDryRun: cleanup.isDryRun)
            #expect(result.dryRun && result.totalFound > 0)
            #expect(try await scene.dump() == before)
            let run = try #require(try await scene.stream(scene.keys.runs).first)
            #expect(run["dry_run"] == "1" && run["changed"] == "0" && run["found"] == "\(result.totalFound)")
        }
    }

    @Test("a preview of a later time finds what is due by then")
    func later() async throws {
        try await withSweepScene(SweepCleanups.stuck) { scene in
            let started = scene.began - .seconds(60)
            let job = SweepStuckTests.job(.seconds, started: started)
            try await scene.write("job:a", job, index: "jobs:deadlines", id: "a", due: started + .seconds(300))
            let cleanup = try scene.cleanup("stuck-jobs")
            let preview = Preview(engine: scene.engine)
            #expect(try await preview.run(cleanup).totalFound == 0)
            #expect(try await preview.run(cleanup, ahead: .seconds(120)).totalFound == 0)
            #expect(try await preview.run(cleanup, ahead: .seconds(600)).totalFound == 1)
            #expect(try await preview.run(cleanup, timeout: .seconds(30)).totalFound == 1)
        }
    }

    @Test("a second run changes nothing")
    func twice() async throws {
        try await withSweepScene(Self.all) { scene in
            try await fill(scene)
            for cleanup in scene.engine.configuration.cleanups { try await scene.run(cleanup) }
            let before = try await scene.dump()
            let events = try await scene.send("XLEN", scene.keys.events).integer
            for cleanup in scene.engine.configuration.cleanups {
                let result = try await scene.run(cleanup)
                #expect(result.cleanedUp == 0 && result.skipped == 0)
            }
            #expect(try await scene.dump() == before)
            #expect(try await scene.send("XLEN", scene.keys.events).integer == events)
        }
    }
}
