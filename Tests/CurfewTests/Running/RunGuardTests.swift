import Policies
import RedisClient
import TestNeeds
import Testing

@testable import Curfew

/// A run that would touch too much is refused before its first write.
@Suite("guard", .tags(.ownServer), .everyTopology)
struct RunGuardTests {
    /// Locks with a guard small enough for a test.
    static func locks(_ limits: String) -> String { SweepCleanups.locks + "\n  guard: \(limits)" }

    /// So many locks that are past their time, and so many that aren't.
    static func fill(_ scene: SweepScene, old: Int, young: Int) async throws {
        let now = scene.began.milliseconds / 1_000
        let commands = (1...old + young).flatMap { number in
            let isOld = number <= old
            let at = String(isOld ? now - 40_000 : now - 10)
            let score = String(isOld ? Int64(number) : (now + 10_790) * 1_000)
            return [
                RedisCommand("HSET", ["lock:\(number)", "acquired_at", at, "owner", "w\(number)"]),
                RedisCommand("ZADD", ["locks", score, String(number)]),
            ]
        }
        for start in stride(from: 0, to: commands.count, by: 5_000) {
            try await scene.redis.pipeline(Array(commands[start..<min(start + 5_000, commands.count)]))
        }
    }

    private func alerts(_ scene: SweepScene) async throws -> [String] {
        try await scene.stream(scene.keys.alerts).filter { $0["state"] != "threshold" }.map { entry in
            ["alert", "state", "severity", "cleanup", "metric"].map { entry[$0] ?? "" }.joined(separator: ":")
        }
    }

    @Test("a run that would remove more than both limits is refused, says what it would have done, and removes nothing")
    func refused() async throws {
        try await withSweepScene(Self.locks("{share: 25%, beyond: 10}")) { scene in
            try await Self.fill(scene, old: 30, young: 70)
            let before = try await scene.dump()

            let result = try await scene.run("generation-locks")

            #expect(result.status == .refused && !result.isSuccess)
            #expect(result.totalFound == 30 && result.cleanedUp == 0 && result.skipped == 0 && result.failed == 0)
            #expect(result.records.count == 30 && result.records.allSatisfy { $0.action == "release" })
            let error =
                "would remove 30 of 100 tracked (30 %), more than guard: share 25%, beyond 10; "
                + "preview it, then run with --override-guard"
            #expect(result.error == error)
            let head = "generation-locks refused: \(error). "
            #expect(result.message == head + "Cleaned up 0 of 30 generation-locks")
            #expect(try await scene.dump() == before)
            let run = try #require(try await scene.stream(scene.keys.runs).last)
            #expect(
                run["status"] == "refused" && run["error"] == error && run["changed"] == "0" && run["found"] == "30")
            #expect(try await scene.stream(scene.keys.events).isEmpty)
        }
    }

    @Test(
        "within one of the limits, or without a guard, nothing is asked",
        arguments: ["{share: 30%, beyond: 10}", "{share: 25%, beyond: 30}", "off", "{}"])
    func passes(_ limits: String) async throws {
        try await withSweepScene(Self.locks(limits)) { scene in
            try await Self.fill(scene, old: 30, young: 70)
            #expect(try await scene.run("generation-locks").cleanedUp == 30)
        }
    }

    @Test("what is due and yet left doesn't count")
    func alive() async throws {
        try await withSweepScene(Self.locks("{share: 25%, beyond: 10}")) { scene in
            try await Self.fill(scene, old: 30, young: 70)
            for id in 1...8 { _ = try await scene.send("SET", "worker:w\(id):alive", "1") }
            #expect(try await scene.run("generation-locks").cleanedUp == 22)
        }
    }

    @Test("a limit caps what a run would touch")
    func limit() async throws {
        try await withSweepScene(Self.locks("{share: 5%, beyond: 10}")) { scene in
            try await Self.fill(scene, old: 30, young: 70)
            #expect(try await scene.run("generation-locks", limit: 10).cleanedUp == 10)
            let refused = try await scene.run("generation-locks", limit: 15)
            #expect(refused.status == .refused && refused.totalFound == 15)
            #expect(refused.error?.hasPrefix("would remove 15 of 90 tracked (16.7 %)") == true)
        }
    }

    @Test("a scheduled run is guarded too; a dry run isn't, since it writes nothing")
    func triggers() async throws {
        try await withSweepScene(Self.locks("{share: 25%, beyond: 10}")) { scene in
            try await Self.fill(scene, old: 30, young: 70)
            let cleanup = try scene.cleanup("generation-locks")
            #expect(try await scene.run(cleanup, trigger: "schedule").status == .refused)
            let dry = try await scene.run(cleanup, isDryRun: true)
            #expect(dry.status == .completed && dry.totalFound == 30)
        }
    }

    @Test("an override goes through, and an event says by whom")
    func overridden() async throws {
        try await withSweepScene(Self.locks("{share: 25%, beyond: 10}")) { scene in
            try await Self.fill(scene, old: 30, young: 70)
            let cleanup = try scene.cleanup("generation-locks")
            let (claim, clock) = try await scene.claim(cleanup)
            let result = await Run(
                engine: scene.engine, cleanup: cleanup, claim: claim, clock: clock, overriddenBy: "ada@host"
            ).execute()
            #expect(result.status == .completed && result.cleanedUp == 30 && result.trigger == "manual")
            let events = try await scene.stream(scene.keys.events)
            #expect(events.count == 31 && events.first?["action"] == "override")
            #expect(events.first?["reason"] == "guard overridden by ada@host: 30 of 100")
            #expect(events.first?["run"] == claim.run && events.first?["cleanup"] == "generation-locks")
        }
    }

    @Test("an override that wasn't needed leaves no trace")
    func unneeded() async throws {
        try await withSweepScene(Self.locks("{share: 50%, beyond: 10}")) { scene in
            try await Self.fill(scene, old: 30, young: 70)
            let cleanup = try scene.cleanup("generation-locks")
            let (claim, clock) = try await scene.claim(cleanup)
            let run = Run(engine: scene.engine, cleanup: cleanup, claim: claim, clock: clock, overriddenBy: "ada@host")
            #expect(await run.execute().cleanedUp == 30)
            #expect(try await scene.stream(scene.keys.events).allSatisfy { $0["action"] == "release" })
        }
    }

    @Test("the guard's alert fires once, however often a run is refused, and resolves with the next that isn't")
    func alert() async throws {
        try await withSweepScene(Self.locks("{share: 25%, beyond: 10}")) { scene in
            try await Self.fill(scene, old: 30, young: 70)
            let fired = "guard:generation-locks:firing:critical:generation-locks:refused"
            try await scene.run("generation-locks")
            #expect(try await alerts(scene) == [fired])
            try await scene.run("generation-locks")
            // A dry run says nothing about the guard.
            try await scene.run("generation-locks", isDryRun: true)
            #expect(try await alerts(scene) == [fired])
            let message = try await scene.stream(scene.keys.alerts).last?["message"]
            #expect(message == "generation-locks: its guard refused generation-locks-1")

            try await scene.run("generation-locks", limit: 10)
            let resolved = "guard:generation-locks:resolved:critical:generation-locks:refused"
            #expect(try await alerts(scene) == [fired, resolved])
            try await scene.run("generation-locks", limit: 10)
            #expect(try await alerts(scene) == [fired, resolved])
        }
    }

    @Test("any cleanup can have a guard; stuck jobs have none unless they are told")
    func stuck() async throws {
        let guarded = SweepCleanups.stuck + "\n  guard: {share: 10%, beyond: 1}"
        for (text, status) in [(SweepCleanups.stuck, RunResult.Status.completed), (guarded, .refused)] {
            try await withSweepScene(text) { scene in
                for id in ["a", "b"] {
                    try await scene.write(
                        "job:\(id)", SweepStuckTests.job(.seconds, started: scene.began - .seconds(600)),
                        index: "jobs:deadlines", id: id)
                }
                let result = try await scene.run("stuck-jobs")
                #expect(result.status == status && result.totalFound == 2)
                if status == .refused {
                    #expect(result.error?.hasPrefix("would change 2 of 2 tracked (100 %)") == true)
                    // What it would have paid isn't what it paid.
                    #expect(result.tokensRefunded == 0 && result.records.first?.tokensRefunded == 10)
                }
            }
        }
    }
}
