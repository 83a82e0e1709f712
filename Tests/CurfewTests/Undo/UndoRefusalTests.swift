import Policies
import RedisClient
import TestNeeds
import Testing

@testable import Curfew

/// What can't be undone, and what an undo must know of.
@Suite("undo: what it refuses", .tags(.ownServer), .everyTopology)
struct UndoRefusalTests {
    private func refusal(_ run: String, _ scene: SweepScene) async -> String {
        do {
            _ = try await Undo.find(run, scene.engine)
            return "none"
        } catch {
            #expect(error.code == .usage)
            return error.message
        }
    }

    @Test("an unknown run, one under way, a dry run, and an undo are refused with the reason")
    func refused() async throws {
        try await withSweepScene(SweepCleanups.stuck) { scene in
            try await scene.stick("a")
            #expect(
                await refusal("stuck-jobs-7", scene).hasPrefix(
                    "there is no run “stuck-jobs-7” in the history, which is kept for 30d"))
            let (claim, clock) = try await scene.claim(try scene.cleanup("stuck-jobs"))
            #expect(
                await refusal(claim.run, scene) == "stuck-jobs-1 has not ended yet; “curfew cancel stuck-jobs” stops it"
            )
            let run = Run(engine: scene.engine, cleanup: try scene.cleanup("stuck-jobs"), claim: claim, clock: clock)
            #expect(await run.execute().cleanedUp == 1)
            let undo = try await scene.undo(claim.run)
            let message = "\(undo.run) is an undo itself, which can't be undone; “curfew run stuck-jobs” does it again"
            #expect(await refusal(undo.run, scene) == message)
            let dry = try await scene.run("stuck-jobs", isDryRun: true)
            #expect(await refusal(dry.run, scene) == "\(dry.run) was a dry run: it changed nothing")
            #expect(await refusal("", scene).hasPrefix("there is no run “”"))
        }
    }

    @Test("a run of a cleanup that the configuration doesn't have is refused")
    func foreign() async throws {
        try await withSweepScene(SweepCleanups.stuck) { scene in
            _ = try await scene.send(
                "XADD", scene.keys.runs, "*", "run", "old-1", "cleanup", "old", "trigger", "manual")
            #expect(await refusal("old-1", scene) == "old-1 is a run of old, which this configuration doesn't have")
        }
    }

    @Test("a paused cleanup can be undone, and stays paused; nothing else runs it")
    func paused() async throws {
        try await withSweepScene(SweepCleanups.stuck) { scene in
            try await scene.stick("a")
            let run = try await scene.run("stuck-jobs")
            try await Operations(engine: scene.engine).pause("stuck-jobs", by: "ada", why: "wrong timeout")
            #expect(try await scene.undo(run.run).cleanedUp == 1)
            await #expect(throws: CurfewError.self) { try await scene.run("stuck-jobs") }
            #expect(try await scene.hash("job:a")["status"] == "PROCESSING")
        }
    }

    @Test("an undo takes the lease: while another runs the cleanup it isn't begun")
    func held() async throws {
        try await withSweepScene(SweepCleanups.stuck) { scene in
            try await scene.stick("a")
            let run = try await scene.run("stuck-jobs")
            _ = try await scene.claim(try scene.cleanup("stuck-jobs"))
            await #expect(throws: CurfewError.self) { try await scene.undo(run.run) }
            #expect(try await scene.hash("job:a")["status"] == "FAILED")
        }
    }

    @Test("an undo whose lease was taken writes nothing")
    func fenced() async throws {
        try await withSweepScene(SweepCleanups.stuck) { scene in
            try await scene.stick("a")
            let run = try await scene.run("stuck-jobs")
            let undo = try await Undo.find(run.run, scene.engine)
            let (claim, clock) = try await scene.claim(undo.cleanup, trigger: Trigger.undo)
            _ = try await scene.send("HSET", scene.keys.lease("stuck-jobs"), "fence", "99")
            let before = try await scene.dump()
            let late = Run(engine: scene.engine, cleanup: undo.cleanup, claim: claim, clock: clock, task: .undo(undo))
            #expect(await late.execute().status == .lost)
            #expect(try await scene.dump() == before)
        }
    }

    @Test("objects that are gone, and events that say too little, are left and said so")
    func impossible() async throws {
        try await withSweepScene(SweepCleanups.stuck) { scene in
            try await scene.stick("a")
            let run = try await scene.run("stuck-jobs")
            let event = try #require(try await scene.stream(scene.keys.events).last)
            for (id, change) in [
                ("object", ["action": "delete"]), ("torn", ["before": "{\"status\":"]), ("list", ["before": "[]"]),
                ("empty", ["before": "{}", "tokens": "0"]), ("keyless", ["key": ""]),
                ("partial", ["before": "{\"status\":\"PROCESSING\",\"curfew:after\":{\"error\":\"x\"}}"]),
            ] {
                let own = ["record": id, "key": "job:\(id)"].merging(change) { $1 }
                let fields = event.fields.flatMap { [$0.name, own[$0.name] ?? $0.value] }
                _ = try await scene.redis.send(RedisCommand("XADD", [scene.keys.events, "*"] + fields))
            }
            let result = try await scene.undo(run.run)
            #expect(result.cleanedUp == 1 && result.skipped == 6)
            let left = SweepScene.left(result)
            #expect(left["object"] == "objects deleted from storage can't be undone")
            #expect(left["torn"] == "its event can't be read: before is no JSON")
            #expect(left["list"] == "its event can't be read: before is no JSON object")
            #expect(left["empty"] == "its event says nothing that could be put back")
            let keyless = "its event is incomplete: expected a key, a time, and tokens of 0 or more"
            #expect(left["keyless"] == keyless)
            #expect(left["partial"] == "its event doesn't say what every field held before")
        }
    }
}
