import Foundation
import Policies
import RedisClient
import TestNeeds
import Testing

@testable import Curfew

/// The plan of a preview is carried out exactly, or not at all.
@Suite("plans", .tags(.ownServer), .everyTopology)
struct PlanTests {
    private func stick(_ scene: SweepScene, _ ids: String...) async throws {
        for id in ids {
            try await scene.write(
                "job:\(id)", SweepStuckTests.job(.milliseconds, started: scene.began - .seconds(600)),
                index: "jobs:deadlines", id: id)
        }
    }

    private func plan(_ scene: SweepScene, limit: Int? = nil) async throws -> Plan {
        let (result, plan) = try await Preview(engine: scene.engine).plan(
            try scene.cleanup("stuck-jobs"), limit: limit)
        #expect(result.totalFound == plan.records.count)
        return try read(try plan.data(), scene)
    }

    private func read(_ data: Data, _ scene: SweepScene, for name: String = "stuck-jobs") throws -> Plan {
        try Plan(data, file: "plan.json", for: try scene.cleanup(name))
    }

    private func run(_ plan: Plan, _ scene: SweepScene, isDryRun: Bool = false) async throws -> RunResult {
        let cleanup = try scene.cleanup("stuck-jobs")
        let (claim, clock) = try await scene.claim(cleanup, isDryRun: isDryRun)
        return await Run(engine: scene.engine, cleanup: cleanup, claim: claim, clock: clock, task: .plan(plan))
            .execute()
    }

    @Test("a plan holds each change, and the run with it makes exactly these")
    func exactly() async throws {
        try await withSweepScene(SweepCleanups.stuck) { scene in
            try await stick(scene, "a", "b", "c")
            let plan = try await plan(scene)
            #expect(plan.records.map(\.id) == ["a", "b", "c"] && plan.total == 3)
            #expect(plan.records.allSatisfy { $0.action == "fail" && $0.tokens == 10 && $0.fingerprint.count == 32 })
            // Stuck as well, but not planned.
            try await stick(scene, "d")

            let result = try await run(plan, scene)

            #expect(result.status == .completed && result.cleanedUp == 3 && result.totalFound == 3)
            #expect(result.tokensRefunded == 30 && result.left == nil)
            #expect(try await scene.hash("job:d")["status"] == "PROCESSING")
            #expect(try await scene.members("jobs:deadlines") == ["d"])
            // The backlog is still measured.
            #expect(try await scene.stream(scene.keys.metrics).last?["backlog"] == "1")
        }
    }

    @Test("what has changed since is skipped and said so: ended, charged anew, gone, or another verdict")
    func changed() async throws {
        try await withSweepScene(SweepCleanups.stuck) { scene in
            try await stick(scene, "same", "ended", "again", "gone", "costs", "finished")
            let plan = try await plan(scene)
            _ = try await scene.send("HSET", "job:ended", "status", "COMPLETED")
            let start = String((scene.began - .seconds(900)).milliseconds)
            _ = try await scene.send("HSET", "job:again", "processingStartedAt", start)
            _ = try await scene.send("DEL", "job:gone")
            _ = try await scene.send("HSET", "job:costs", "tokensCost", "11")
            _ = try await scene.send("HSET", "job:finished", "resultUrl", "there")
            let before = try await scene.dump()

            let result = try await run(plan, scene)

            #expect(result.status == .completed && result.cleanedUp == 1 && result.skipped == 5)
            let left = Dictionary(uniqueKeysWithValues: (result.left ?? []).map { ($0.id, $0.error) })
            #expect(Set(left.keys) == ["ended", "again", "gone", "costs", "finished"])
            #expect(left["ended"] == "changed since the plan; status is COMPLETED, which is final")
            #expect(left["gone"] == "changed since the plan; the record is gone")
            #expect(left["costs"]?.hasPrefix("changed since the plan; now it would be: stuck in PROCESSING") == true)
            let after = try await scene.dump()
            for key in ["job:ended", "job:again", "job:costs", "job:finished"] { #expect(after[key] == before[key]) }
            // Nothing else is done to them either: their entries stay.
            #expect(try await scene.members("jobs:deadlines").count == 5)
        }
    }

    @Test("a plan is carried out once: a second time everything has changed since")
    func twice() async throws {
        try await withSweepScene(SweepCleanups.stuck) { scene in
            try await stick(scene, "a", "b")
            let plan = try await plan(scene)
            #expect(try await run(plan, scene).cleanedUp == 2)
            let second = try await run(plan, scene)
            #expect(second.cleanedUp == 0 && second.skipped == 2 && second.status == .completed)
            #expect(try await scene.text("user:u1:tokens") == "20")
        }
    }

    @Test("a dry run with a plan only looks, and a limit is the plan's own")
    func dry() async throws {
        try await withSweepScene(SweepCleanups.stuck) { scene in
            try await stick(scene, "a", "b", "c")
            let plan = try await plan(scene, limit: 2)
            #expect(plan.records.count == 2)
            let before = try await scene.dump()
            let result = try await run(plan, scene, isDryRun: true)
            #expect(result.totalFound == 2 && result.cleanedUp == 0)
            #expect(try await scene.dump() == before)
        }
    }

    @Test("the guard holds for a plan as for any run")
    func guarded() async throws {
        try await withSweepScene(SweepCleanups.stuck + "\n  guard: {share: 10%, beyond: 1}") { scene in
            try await stick(scene, "a", "b")
            let plan = try await plan(scene)
            #expect(try await run(plan, scene).status == .refused)
            #expect(try await scene.hash("job:a")["status"] == "PROCESSING")
            let cleanup = try scene.cleanup("stuck-jobs")
            let (claim, clock) = try await scene.claim(cleanup)
            let result = await Run(
                engine: scene.engine, cleanup: cleanup, claim: claim, clock: clock, task: .plan(plan),
                overriddenBy: "ada@host"
            ).execute()
            #expect(result.cleanedUp == 2)
        }
    }

    @Test("a plan of more records than one page, of locks that Curfew indexes by itself")
    func many() async throws {
        let text = SweepCleanups.locks.replacing("  index: locks\n", with: "")
        try await withSweepScene(text) { scene in
            try await RunGuardTests.fill(scene, old: 1_200, young: 0)
            let cleanup = try scene.cleanup("generation-locks")
            let (_, plan) = try await Preview(engine: scene.engine).plan(cleanup)
            #expect(plan.records.count == 1_200)
            let (claim, clock) = try await scene.claim(cleanup)
            let result = await Run(
                engine: scene.engine, cleanup: cleanup, claim: claim, clock: clock, limit: 600,
                task: .plan(try Plan(try plan.data(), file: "p", for: cleanup))
            ).execute()
            #expect(result.cleanedUp == 600 && result.status == .completed)
        }
    }

    @Test("a plan that isn't one, is another cleanup's or version's, or was altered, is refused with the reason")
    func hostile() async throws {
        let other = SweepCleanups.stuck.replacing("stuck-jobs", with: "other-jobs")
        try await withSweepScene(SweepCleanups.stuck + "\n" + other) { scene in
            try await stick(scene, "a")
            let (_, plan) = try await Preview(engine: scene.engine).plan(try scene.cleanup("stuck-jobs"))
            let text = String(decoding: try plan.data(), as: UTF8.self)
            func refusal(_ text: String, for name: String = "stuck-jobs") -> String {
                do {
                    _ = try read(Data(text.utf8), scene, for: name)
                    return "none"
                } catch {
                    #expect((error as? CurfewError)?.code == .usage)
                    return "\(error)"
                }
            }
            #expect(refusal(text) == "none")
            #expect(
                refusal(text, for: "other-jobs") == "plan.json: is a plan for stuck-jobs: expected one for other-jobs")
            let altered = text.replacing("\"id\":\"a\"", with: "\"id\":\"b\"")
            #expect(refusal(altered).hasPrefix("plan.json: was altered since it was made"))
            #expect(
                refusal(text.replacing("\"version\":1", with: "\"version\":2")).contains(
                    "version 2: expected version 1"))
            for text in ["", "{}", "[]", "null", "\u{0}", "{\"version\":1}", String(text.dropLast(5))] {
                #expect(refusal(text).hasPrefix("plan.json: is no plan"), "\(text)")
            }
            let changed = try Configuration.parse(
                "redis: redis://h\ncleanups:\n  "
                    + SweepCleanups.stuck.replacing("\n", with: "\n  ").replacing("timeout: 5m", with: "timeout: 6m"),
                file: "", environment: [:])
            let cleanup = try #require(changed.cleanup(named: "stuck-jobs"))
            #expect(throws: CurfewError.self) { try Plan(Data(text.utf8), file: "plan.json", for: cleanup) }
        }
    }
}
