import Logging
import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

/// The other kinds of cleanups on JSON, and what happens between reading and commit.
@Suite("sweep: JSON records of every kind, and races", .tags(.ownServer), .everyTopology)
struct SweepJSONKindsTests {
    private func expectMoved(_ result: CommitResult) {
        if case .moved = result { return }
        Issue.record("expected it to have moved: \(result)")
    }

    //     sweep                     app
    //     GET: it is stuck
    //                               SET, anything at all
    //     FCALL curfew_commit
    //
    @Test(
        "a job that moves between reading and commit is left as the app wrote it",
        arguments: ["another field", "finished", "spacing", "gone", "a worker"], [false, true])
    func moved(kind: String, isRetried: Bool) async throws {
        try await withSweepScene(isRetried ? SweepJSON.retried : SweepJSON.stuck) { scene in
            let job = SweepJSON.job("\((scene.began - .seconds(600)).milliseconds)")
                .replacing(#""result": null"#, with: #""worker": {"id": "w1"}"#)
            try await scene.write(json: job, "job:a", index: "jobs:deadlines", id: "a")
            let (result, before) = try await SweepRaceTests().interleaved("stuck-jobs", "a", scene) {
                switch kind {
                case "another field": _ = try await scene.send("SET", "job:a", job.replacing("café", with: "tea"))
                case "finished": _ = try await scene.send("SET", "job:a", job.replacing("PROCESSING", with: "DONE"))
                case "spacing": _ = try await scene.send("APPEND", "job:a", " ")
                case "gone": _ = try await scene.send("DEL", "job:a")
                default: _ = try await scene.send("SET", "worker:w1:alive", "1")
                }
                if kind == "another field" { _ = try await scene.send("APPEND", "job:a", "\n") }
            }
            expectMoved(result)
            #expect(try await scene.dump() == before)
            #expect(try await scene.send("EXISTS", scene.keys.events).integer == 0)
        }
    }

    @Test("a job that became a hash meanwhile is left as it is")
    func becameHash() async throws {
        try await withSweepScene(SweepJSON.stuck) { scene in
            let job = SweepJSON.job("\((scene.began - .seconds(600)).milliseconds)")
            try await scene.write(json: job, "job:a", index: "jobs:deadlines", id: "a")
            let (result, _) = try await SweepRaceTests().interleaved("stuck-jobs", "a", scene) {
                _ = try await scene.send("DEL", "job:a")
                try await scene.write("job:a", ["meta.status": "PROCESSING"])
            }
            guard case .refused = result else {
                Issue.record("expected it to be refused: \(result)")
                return
            }
            #expect(try await scene.hash("job:a") == ["meta.status": "PROCESSING"])
            #expect(try await scene.existing("user:u1:tokens", scene.keys.events) == 0)
        }
    }

    @Test("an entry whose record is opened again before it is dropped stays")
    func reopened() async throws {
        try await withSweepScene(SweepJSON.stuck) { scene in
            let job = SweepJSON.job("1", status: "COMPLETED")
            try await scene.write(json: job, "job:a", index: "jobs:deadlines", id: "a")
            _ = try await SweepRaceTests().interleaved("stuck-jobs", "a", scene) {
                _ = try await scene.send("SET", "job:a", job.replacing("COMPLETED", with: "PROCESSING"))
            }
            #expect(try await scene.members("jobs:deadlines") == ["a"])
        }
    }

    //     sweep                             app
    //     GET job:1 … job:64: all stuck
    //                                       SET job:7 … finished
    //     FCALL curfew_commit               SET job:70 … finished
    //     job:7 is skipped, the others FAILED
    //
    @Test("jobs that the app finishes while they are swept keep its words", .timeLimit(.minutes(5)))
    func rounds() async throws {
        /// Writes the whole record, only where it is still its own, as an app must that keeps JSON.
        let finish = """
            local text = redis.call('GET', KEYS[1])
            if not string.find(text, '"status": "PROCESSING"', 1, true) then return 0 end
            redis.call('SET', KEYS[1], ARGV[1])
            return 1
            """
        try await withSweepScene(SweepJSON.stuck) { scene in
            let stuck = SweepJSON.job("\((scene.began - .seconds(600)).milliseconds)")
            let done = stuck.replacing("PROCESSING", with: "COMPLETED")
            let count = 600
            var (skipped, rounds) = (0, 0)
            while skipped < 50 && rounds < 40 {
                rounds += 1
                try await scene.flush()
                _ = try await scene.redis.pipeline(
                    (1...count).flatMap { id in
                        [
                            RedisCommand("SET", ["job:\(id)", stuck]),
                            RedisCommand("ZADD", ["jobs:deadlines", "\(id)", "\(id)"]),
                        ]
                    })
                let step = 3 + rounds * 5 % 41
                async let finished = RedisClient.withClient(
                    scene.configuration, logger: Logger(label: "app")
                ) { redis in
                    var finished: Set<Int> = []
                    for start in stride(from: 1, through: count, by: step) {
                        let ids = (start..<min(start + step, count + 1)).filter { $0 % 3 != 0 }
                        let replies = try await redis.pipeline(
                            ids.map { RedisCommand("EVAL", [finish, "1", "job:\($0)", done]) })
                        for (id, reply) in zip(ids, replies) where reply.integer == 1 { finished.insert(id) }
                    }
                    return finished
                }
                let result = try await scene.run("stuck-jobs")
                let ended = try await finished
                skipped += result.skipped
                #expect(result.failed == 0 && result.cleanedUp + ended.count == count)
                let texts = try await scene.redis.pipeline((1...count).map { RedisCommand("GET", ["job:\($0)"]) })
                for (place, text) in texts.enumerated() {
                    let isKept = ended.contains(place + 1)
                    #expect(isKept == (text.string == done) && (isKept || text.string?.contains("FAILED") == true))
                }
                #expect(try await scene.text("user:u1:tokens") == "\(10 * result.cleanedUp)")
            }
            #expect(skipped > 0, "they never met in \(rounds) rounds")
        }
    }

    @Test("a change whose reply was lost is known again in the record, by its fields")
    func isMade() throws {
        let text = #"{"meta": {"status": "PROCESSING"}, "n": 1}"#
        let names = ["meta.status", "n", "error"]
        let record = try Record(id: "a", key: "job:a", document: JSONRecord(text), fields: names)
        let change = Change(
            action: .fail, from: "PROCESSING", to: "FAILED", reason: "", age: .zero, timeout: .zero,
            guards: [.field("meta.status", equals: "PROCESSING"), .keyAbsent("k")],
            sets: [
                FieldWrite(field: "meta.status", value: "FAILED"), FieldWrite(field: "n", value: "2"),
                FieldWrite(field: "error", value: "e"),
            ])
        guard case .change(let bound) = try Verdict.change(change).bound(to: record) else {
            Issue.record("expected a change")
            return
        }
        #expect(bound.guards == [.text(equals: text), .keyAbsent("k")])
        let after = try #require(bound.write?.document)
        #expect(after == #"{"meta": {"status": "FAILED"}, "n": 2,"error":"e"}"#)
        #expect(!bound.isMade(in: record))
        #expect(bound.isMade(in: try Record(id: "a", key: "job:a", document: JSONRecord(after), fields: names)))
    }

    @Test("counters are put right in place, as numbers, recounted from members that are hashes")
    func counters() async throws {
        try await withSweepScene(SweepJSON.counters) { scene in
            let group = """
                {"name":"g","status":"processing","at":"\(WrittenTime.iso8601.text(scene.began - .seconds(4 * 3_600)))",
                 "tasks" : {"total": 10,"queued":9, "active":9,"done": 0.0}, "note": null}
                """
            try await scene.write(
                json: group.replacing("0.0", with: "0"), "generation:g", index: "generations", id: "g")
            for (number, status) in ["completed", "completed", "failed"].enumerated() {
                try await scene.write("task:\(number)", ["status": status])
                _ = try await scene.send("SADD", "generation:g:tasks", "\(number)")
            }
            let result = try await scene.run("stuck-generations")
            #expect(result.records.map(\.action) == ["complete"])
            let tasks = #"{"total": 10,"queued":0, "active":0,"done": 2,"failed":8}"#
            let expected = group.replacing("processing", with: "completed")
                .replacing(#"{"total": 10,"queued":9, "active":9,"done": 0.0}"#, with: tasks)
            #expect(try await scene.text("generation:g") == expected)
        }
    }

    @Test("a lock that is JSON goes to the trash as it is, unless its holder lives or it is young")
    func locks() async throws {
        try await withSweepScene(SweepJSON.locks) { scene in
            func lock(_ age: Int64, _ holder: String) -> String {
                #"{"acquired": {"at": \#((scene.began - .seconds(age)).milliseconds), "by": "\#(holder)"}, "n":[1] }"#
            }
            let stale = lock(4 * 3_600, "w2")
            try await scene.write(json: lock(4 * 3_600, "w1"), "lock:live", index: "locks", id: "live")
            try await scene.write(json: lock(60, "w2"), "lock:young", index: "locks", id: "young")
            try await scene.write(json: stale, "lock:stale", index: "locks", id: "stale")
            _ = try await scene.send("SET", "worker:w1:alive", "1")
            let result = try await scene.run("generation-locks")
            #expect(result.records.map(\.id) == ["stale"] && result.records.map(\.action) == ["release"])
            #expect(try await scene.text("curfew:trash:generation-locks-1:{lock:stale}") == stale)
            #expect(try await scene.send("EXISTS", "lock:stale").integer == 0)
            #expect(try await scene.members("locks") == ["live", "young"])
        }
    }

    @Test("JSON records are found by scanning where no index names them, and hashes beside them are not")
    func scans() async throws {
        let unindexed = SweepJSON.stuck.replacing("  index: jobs:deadlines\n", with: "")
        try await withSweepScene(unindexed) { scene in
            let job = SweepJSON.job("\((scene.began - .seconds(600)).milliseconds)")
            for id in 0..<20 { _ = try await scene.send("SET", "job:\(id)", job) }
            try await scene.write("job:hash", ["status": "PROCESSING"])
            let result = try await scene.run("stuck-jobs")
            #expect(result.cleanedUp == 20 && result.status == .completed)
            #expect(try await scene.text("user:u1:tokens") == "200")
        }
    }

    @Test("what a run did to a job is undone byte for byte, nulls included, and what the app has added stays")
    func undoes() async throws {
        try await withSweepScene(SweepJSON.stuck) { scene in
            let job = SweepJSON.job("\((scene.began - .seconds(600)).milliseconds)")
                .replacing(#""owner""#, with: #""error" : null, "owner""#)
            for id in ["a", "b", "c"] {
                try await scene.write(json: job, "job:\(id)", index: "jobs:deadlines", id: id)
            }
            let run = try await scene.run("stuck-jobs")
            let changed = try #require(try await scene.text("job:b"))
            #expect(changed.contains(#""error" : "stuck in"#))
            _ = try await scene.send("SET", "job:b", changed.dropLast(2) + #", "seen": true}"#)
            _ = try await scene.send("SET", "job:c", changed.replacing("FAILED", with: "QUEUED"))

            let undo = try await Undo.find(run.run, scene.engine)
            let (claim, clock) = try await scene.claim(undo.cleanup, trigger: Trigger.undo)
            let result = await Run(
                engine: scene.engine, cleanup: undo.cleanup, claim: claim, clock: clock, task: .undo(undo)
            ).execute()

            #expect(result.cleanedUp == 2)
            #expect(try await scene.text("job:a") == job)
            #expect(try await scene.text("job:b") == job.dropLast(2) + #", "seen": true}"#)
            #expect(try await scene.text("job:c") == changed.replacing("FAILED", with: "QUEUED"))
            #expect(try await scene.text("user:u1:tokens") == "10")
        }
    }
}
