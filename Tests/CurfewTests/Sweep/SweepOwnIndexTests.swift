import Policies
import RedisClient
import TestNeeds
import Testing

@testable import Curfew

/// The index that the application keeps: what a wrong configuration must not do to it, and what a right one does in its
/// own unit.
@Suite("sweep: the application's own index", .tags(.ownServer), .everyTopology)
struct SweepOwnIndexTests {
    /// A cleanup as somebody writes it who forgot the key prefix of the records.
    private static func retried(_ more: String = "", index: String = "celery:due") -> String {
        """
        retries:
          policy: stuck
          every: 1m
          records: task-meta-<id>
          index: \(index)
          states: [STARTED]
          since: [date_started]
          timeout: 10m
          to: FAILURE
          \(more)
        """
    }

    private func list(_ scene: SweepScene, _ members: [(String, String)]) async throws {
        _ = try await scene.redis.send(RedisCommand("ZADD", ["celery:due"] + members.flatMap { [$0.1, $0.0] }))
    }

    @Test(
        "no entry goes on the strength of a template that fits nothing: preview, dry run and run are refused",
        arguments: [1, 3, 700])
    func fitsNothing(count: Int) async throws {
        try await withSweepScene(Self.retried()) { scene in
            let past = String((scene.began - .seconds(3_600)).milliseconds)
            // Whole payloads as members, as delayed job systems write them.
            try await list(scene, (0..<count).map { (#"{"id":"\#($0)","task":"mail.send"}"#, past) })
            let before = try await scene.dump()
            let looked = min(count, 64)
            let message = "no record under task-meta-<id> for any of \(looked) entries of celery:due"
            let preview = try await Preview(engine: scene.engine).run(try scene.cleanup("retries"))
            let watched = try await scene.run("retries", isDryRun: true)
            let result = try await scene.run("retries")
            for refused in [preview, watched, result] {
                #expect(refused.status == .refused && refused.error?.hasPrefix(message) == true, "\(refused)")
                #expect(refused.totalFound == 0 && refused.cleanedUp == 0)
            }
            #expect(try await scene.dump() == before)
        }
    }

    @Test("where one record is there, the entries of the others go: each with an event, and an undo puts them back")
    func dropped() async throws {
        try await withSweepScene(Self.retried()) { scene in
            let past = (scene.began - .seconds(3_600)).milliseconds
            try await scene.write("task-meta-live", ["status": "PENDING"], index: "celery:due", id: "live")
            try await list(scene, [("a", "\(past)"), ("b", "\(past + 1)"), ("c", "12.5")])
            let preview = try await Preview(engine: scene.engine).run(try scene.cleanup("retries"))
            #expect(preview.records.map(\.id).sorted() == ["a", "b", "c"] && preview.totalFound == 3)
            #expect(preview.records.allSatisfy { $0.action == "drop" && $0.reason == "the record is gone" })

            let result = try await scene.run("retries")

            #expect(result.cleanedUp == 3 && result.records.map(\.action) == ["drop", "drop", "drop"])
            #expect(try await scene.members("celery:due") == ["live"])
            let events = try await scene.stream(scene.keys.events).filter { $0["record"] != "" }
            #expect(
                Set(events.map { "\($0["record"] ?? "") \($0["action"] ?? "") \($0["before"] ?? "")" }) == [
                    #"a drop {"score":"\#(past)"}"#, #"b drop {"score":"\#(past + 1)"}"#, #"c drop {"score":"12.5"}"#,
                ])
            #expect(events.allSatisfy { $0["key"]?.hasPrefix("task-meta-") == true })

            let undone = try await scene.undo(result.run)
            #expect(undone.cleanedUp == 3)
            #expect(try await scene.score("a", in: "celery:due") == past)
            #expect(try await scene.send("ZSCORE", "celery:due", "c").string == "12.5")
        }
    }

    @Test("with missing: drop all may be gone, and a person may say so for one run; both leave a trace")
    func allGone() async throws {
        for isSaid in [true, false] {
            try await withSweepScene(Self.retried(isSaid ? "missing: drop" : "")) { scene in
                try await list(scene, [("a", "1"), ("b", "2")])
                let cleanup = try scene.cleanup("retries")
                let (claim, clock) = try await scene.claim(cleanup)
                let run = Run(
                    engine: scene.engine, cleanup: cleanup, claim: claim, clock: clock,
                    overriddenBy: isSaid ? nil : "ada@desk")
                #expect(await run.execute().cleanedUp == 2)
                #expect(try await scene.members("celery:due") == [])
                let actions = try await scene.stream(scene.keys.events).compactMap { $0["action"] }
                #expect(actions == (isSaid ? [] : ["override"]) + ["drop", "drop"])
            }
        }
    }

    @Test("dropped entries count for the guard")
    func guarded() async throws {
        try await withSweepScene(Self.retried("guard: {share: 50%, beyond: 2}")) { scene in
            try await scene.write("task-meta-live", ["status": "PENDING"], index: "celery:due", id: "live")
            try await list(scene, [("a", "1"), ("b", "2"), ("c", "3")])
            let result = try await scene.run("retries")
            #expect(result.status == .refused && result.error?.contains("would change 3 of 4 tracked") == true)
            #expect(try await scene.members("celery:due").count == 4)
        }
    }

    @Test(
        "an entry is due, re-scored and re-queued in the unit of the index",
        arguments: [(ScoreUnit.seconds, Int64(1_000), Int64(1)), (.milliseconds, 1, 1), (.microseconds, 1, 1_000)])
    func units(unit: ScoreUnit, divisor: Int64, factor: Int64) async throws {
        let index = "{key: \"celery:due\", unit: \(unit.rawValue)}"
        let retry = "retry: {limit: 1, to: PENDING}"
        try await withSweepScene(Self.retried(retry, index: index)) { scene in
            func score(_ time: Timestamp) -> String { String(time.milliseconds * factor / divisor) }
            let young = scene.began - .seconds(60)
            for (id, started) in [("young", young), ("old", scene.began - .seconds(6_000))] {
                let fields = ["status": "STARTED", "date_started": String(started.milliseconds)]
                _ = try await scene.redis.send(
                    RedisCommand("HSET", ["task-meta-\(id)"] + fields.flatMap { [$0.key, $0.value] }))
            }
            let later = score(scene.began + .seconds(3_600))
            try await list(
                scene,
                [
                    ("young", score(scene.began - .seconds(1))), ("old", score(scene.began - .seconds(1))),
                    ("later", later),
                ])

            let result = try await scene.run("retries")

            #expect(result.records.map(\.id) == ["old"] && result.retried == 1, "\(result)")
            let deadline = (young + .seconds(600)).milliseconds
            let found = try #require(try await scene.score("young", in: "celery:due"))
            #expect((0..<factor * 1_000 / divisor + 1).contains(found - deadline * factor / divisor))
            let next = try #require(try await scene.score("old", in: "celery:due")) * divisor / factor
            #expect((scene.began + .seconds(600)).milliseconds...(scene.began + .seconds(700)).milliseconds ~= next)
            #expect(try await scene.send("ZSCORE", "celery:due", "later").string == later)
        }
    }

    @Test(
        "scores that can't be of the unit fail the run before anything is written, and say which",
        arguments: [
            ("ms", "1795971783", "s"), ("ms", "1795971783.25", "s"), ("ms", "-10", ""),
            ("ms", "1795971783000000", "us"),
            ("ms", "20261129123031", ""), ("s", "1795971783000", "ms"),
            ("s", "1795971783000000", "us"), ("s", "-1", ""), ("s", "261129123031", ""), ("us", "1795971783000", "ms"),
            ("us", "1795971783", "s"),
        ])
    func otherUnits(unit: String, score: String, likely: String) async throws {
        try await withSweepScene(Self.retried(index: "{key: \"celery:due\", unit: \(unit)}")) { scene in
            let started = String((scene.began - .seconds(6_000)).milliseconds)
            try await scene.write("task-meta-stuck", ["status": "STARTED", "date_started": started])
            let due = ["s": 1, "ms": 1_000, "us": 1_000_000][unit] ?? 1
            let past = (scene.began - .seconds(60)).milliseconds / 1_000 * Int64(due)
            try await list(scene, [("stuck", "\(past)"), ("odd", score)])
            let before = try await scene.dump()
            let result = try await scene.run("retries")
            let error = result.error ?? ""
            #expect(result.status == .failed && error.hasPrefix("celery:due can't be an index of deadlines in Unix "))
            #expect(error.contains("the first is \(score) of “odd”"), "\(error)")
            #expect(error.contains("unit: \(likely)}") == !likely.isEmpty, "\(error)")
            #expect(try await scene.dump() == before)
            await #expect(throws: CurfewError.self) {
                _ = try await Preview(engine: scene.engine).run(try scene.cleanup("retries"))
            }
        }
    }

    @Test("what stands for never or for at once is a score in any unit", arguments: ["s", "ms", "us"])
    func never(unit: String) async throws {
        try await withSweepScene(Self.retried(index: "{key: \"celery:due\", unit: \(unit)}")) { scene in
            try await scene.write("task-meta-live", ["status": "PENDING"])
            let last = "253402300799" + (["ms": "000", "us": "000000"][unit] ?? "")
            try await list(
                scene,
                [
                    ("live", "0"), ("never", "+inf"), ("at once", "-inf"), ("year 9999", last),
                    ("most", "9223372036854775807"),
                ])
            let result = try await scene.run("retries")
            #expect(result.status == .completed && result.records.map(\.id) == ["at once"], "\(result)")
        }
    }
}
