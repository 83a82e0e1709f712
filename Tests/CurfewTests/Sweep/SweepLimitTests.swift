import Logging
import Policies
import RedisClient
import TestNeeds
import Testing

@testable import Curfew

/// Where a run ends before everything is done, what it skips on the way, and what the next one finds.
@Suite("sweep: limits", .tags(.ownServer), .everyTopology)
struct SweepLimitTests {
    /// Writes stuck jobs 1…count, due in that order; much quicker than one by one.
    static func fill(_ scene: SweepScene, _ count: Int, worker: String = "") async throws {
        let started = "\((scene.began - .seconds(3_600)).milliseconds)"
        for first in stride(from: 1, through: count, by: 1_000) {
            let commands = (first...min(first + 999, count)).flatMap { number in
                [
                    RedisCommand(
                        "HSET",
                        [
                            "job:\(number)", "status", "PROCESSING", "processingStartedAt", started, "userId",
                            "u\(number % 10)", "tokensCost", "\(1 + number % 7)", "workerId", worker,
                        ]),
                    RedisCommand("ZADD", ["jobs:deadlines", "\(number)", "\(number)"]),
                ]
            }
            _ = try await scene.redis.pipeline(commands)
        }
    }

    @Test(
        "a run changes no more than its limit, the longest overdue first; later ones do the rest",
        arguments: [20, 64])
    func limit(page: Int) async throws {
        try await withSweepScene(SweepCleanups.stuck + "\n  page: \(page)\n  limit: 150") { scene in
            try await Self.fill(scene, 350)
            let first = try await scene.run("stuck-jobs")
            #expect(first.cleanedUp == 150 && first.totalFound == 150 && first.status == .completed)
            #expect(try await scene.members("jobs:deadlines").first == "151")
            #expect(try await scene.stream(scene.keys.metrics).map { $0["backlog"] } == ["200"])
            #expect(try await scene.run("stuck-jobs", limit: 7).cleanedUp == 7)
            #expect(try await scene.run("stuck-jobs", limit: 1_000).cleanedUp == 193)
            #expect(try await scene.send("ZCARD", "jobs:deadlines").integer == 0)
        }
    }

    @Test("a limit counts changes: what is left alone on the way doesn't use it up")
    func limitSkips() async throws {
        try await withSweepScene(SweepCleanups.stuck) { scene in
            try await Self.fill(scene, 300, worker: "w")
            _ = try await scene.send("SET", "worker:w:alive", "1")
            for id in ["280", "290", "300"] { _ = try await scene.send("HDEL", "job:\(id)", "workerId") }
            let result = try await scene.run("stuck-jobs", limit: 2)
            #expect(result.records.map(\.id) == ["280", "290"] && result.cleanedUp == 2)
        }
    }

    @Test("twenty thousand that are left alone don't hide the one behind them")
    func starvation() async throws {
        try await withSweepScene(SweepCleanups.stuck) { scene in
            try await Self.fill(scene, 20_001, worker: "w")
            _ = try await scene.send("SET", "worker:w:alive", "1")
            _ = try await scene.send("HDEL", "job:20001", "workerId")
            let result = try await scene.run("stuck-jobs")
            #expect(result.status == .completed && result.totalFound == 1 && result.cleanedUp == 1)
            #expect(result.records.map(\.id) == ["20001"])
            #expect(try await scene.send("ZCARD", "jobs:deadlines").integer == 20_000)
        }
    }

    @Test("a run whose time is up stops cleanly, and the next one does the rest, each job once")
    func timeout() async throws {
        try await withSweepScene(SweepCleanups.stuck) { scene in
            let count = 20_000
            try await Self.fill(scene, count)
            var cleanup = try scene.cleanup("stuck-jobs")
            cleanup.runTimeout = .milliseconds(100)
            let first = try await scene.run(cleanup)
            #expect(first.status == .timedOut && first.cleanedUp < count && !first.isSuccess)
            #expect(first.error == "the run-timeout was reached; the rest waits for the next run")
            #expect(try await scene.send("ZCARD", "jobs:deadlines").integer == Int64(count - first.cleanedUp))
            #expect(try await scene.stream(scene.keys.runs).map { $0["status"] } == ["timed_out"])
            // What alerts and charts go by: it is most of all after a run that stopped early.
            let left = try await scene.stream(scene.keys.metrics).last
            #expect(left?["backlog"] == "\(count - first.cleanedUp)" && left?["oldest_overdue_ms"] != "0")
            let second = try await scene.run("stuck-jobs")
            #expect(second.status == .completed && first.cleanedUp + second.cleanedUp == count)
            #expect(try await scene.send("XLEN", scene.keys.events).integer == Int64(count))
        }
    }

    @Test("a run that a person cancels stops after its page and is due again by its schedule")
    func cancelled() async throws {
        try await withSweepScene(SweepCleanups.stuck) { scene in
            try await Self.fill(scene, 100)
            let cleanup = try scene.cleanup("stuck-jobs")
            let (claim, clock) = try await scene.claim(cleanup)
            let run = Run(engine: scene.engine, cleanup: cleanup, claim: claim, clock: clock)
            run.control.stop(.cancelled(by: "ada"))
            let result = await run.execute()
            #expect(result.status == .cancelled && result.cleanedUp == 0 && result.error == "cancelled by ada")
            #expect(try await scene.send("ZCARD", "jobs:deadlines").integer == 100)
            #expect(try await scene.stream(scene.keys.metrics).last?["backlog"] == "100")
            let next = try #require(try await scene.score("stuck-jobs", in: scene.keys.schedule))
            #expect(next > scene.began.milliseconds)
        }
    }

    @Test(
        "a scheduled run that comes too late is misfired and touches nothing; by hand it runs",
        arguments: [true, false])
    func misfire(isScheduled: Bool) async throws {
        try await withSweepScene(SweepCleanups.stuck + "\n  misfire-grace: 5m") { scene in
            try await Self.fill(scene, 10)
            let before = try await scene.dump()
            let due = (scene.began - .seconds(600)).milliseconds
            _ = try await scene.send("ZADD", scene.keys.schedule, "\(due)", "stuck-jobs")
            let trigger = isScheduled ? "schedule" : "manual"
            let result = try await scene.run(try scene.cleanup("stuck-jobs"), trigger: trigger)
            let run = try #require(try await scene.stream(scene.keys.runs).first)
            #expect(run["due_ms"] == "\(due)" && run["trigger"] == trigger)
            if isScheduled {
                #expect(result.status == .misfired && run["status"] == "misfired")
                #expect(try await scene.dump() == before)
                let next = try #require(try await scene.score("stuck-jobs", in: scene.keys.schedule))
                // It counts from the schedule: due ten minutes ago, every fifteen, so in five.
                #expect(next == due + 900_000)
            } else {
                #expect(result.status == .completed && result.cleanedUp == 10)
            }
        }
    }

    @Test("a run with a shorter timeout finds what the index doesn't show as due yet, and moves no entry")
    func override() async throws {
        try await withSweepScene(SweepCleanups.stuck) { scene in
            for (id, age) in [("a", 240), ("b", 60), ("c", 10)] {
                let started = scene.began - .seconds(age)
                let job = SweepStuckTests.job(.seconds, started: started)
                try await scene.write("job:\(id)", job, index: "jobs:deadlines", id: id, due: started + .seconds(300))
            }
            let scores = try await scene.send("ZRANGE", "jobs:deadlines", "1", "-1", "WITHSCORES")
            let result = try await scene.run(try scene.cleanup("stuck-jobs"), timeout: .seconds(120))
            #expect(result.records.map(\.id) == ["a"] && result.records.first?.timeoutMs == 120_000)
            #expect(try await scene.send("ZRANGE", "jobs:deadlines", "0", "-1", "WITHSCORES") == scores)
        }
    }
}
