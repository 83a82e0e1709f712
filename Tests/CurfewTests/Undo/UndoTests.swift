import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

extension SweepScene {
    /// Undoes a run, as the command does.
    @discardableResult
    func undo(_ run: String) async throws -> RunResult {
        let undo = try await Undo.find(run, engine)
        let (claim, clock) = try await claim(undo.cleanup, trigger: Trigger.undo)
        return await Run(engine: engine, cleanup: undo.cleanup, claim: claim, clock: clock, task: .undo(undo)).execute()
    }

    /// Jobs that are stuck since ten minutes.
    func stick(_ ids: String..., started: Duration = .seconds(600)) async throws {
        for id in ids {
            try await write(
                "job:\(id)", SweepStuckTests.job(.milliseconds, started: began - started), index: "jobs:deadlines",
                id: id)
        }
    }

    /// Why records were left, by record.
    static func left(_ result: RunResult) -> [String: String] {
        Dictionary(uniqueKeysWithValues: (result.left ?? []).map { ($0.id, $0.error) })
    }
}

/// What a run did is put back where it still is as the run left it.
@Suite("undo", .tags(.ownServer), .everyTopology)
struct UndoTests {
    @Test("failed jobs are as they were, and due: fields, those that were absent, and the index")
    func fields() async throws {
        try await withSweepScene(SweepCleanups.stuck) { scene in
            try await scene.stick("a", "b", "c")
            _ = try await scene.send("HSET", "job:b", "tokensCost", "0", "error", "an earlier one")
            let before = try await scene.dump()
            let run = try await scene.run("stuck-jobs")
            #expect(run.cleanedUp == 3)

            let result = try await scene.undo(run.run)

            #expect(result.status == .completed && result.trigger == "undo" && result.undoes == run.run)
            #expect(result.totalFound == 3 && result.cleanedUp == 3 && result.skipped == 0)
            #expect(result.message == "Put back 3 of 3 records that stuck-jobs-1 changed and took back 20 tokens")
            let after = try await scene.dump()
            for key in ["job:a", "job:b", "job:c"] { #expect(after[key] == before[key]) }
            #expect(Set(try await scene.members("jobs:deadlines")) == ["a", "b", "c"])
            let score = try #require(try await scene.score("a", in: "jobs:deadlines"))
            #expect(try await scene.engine.serverClock().now.milliseconds >= score)
            #expect(Set(result.records.map(\.action)) == ["undo"])
            #expect(Set(result.records.map(\.from)) == ["FAILED"] && Set(result.records.map(\.to)) == ["PROCESSING"])
        }
    }

    @Test(
        "an undo is a run: in the history with its trigger, with an event for each record, and none of the alerts' runs"
    )
    func history() async throws {
        let settings = "alerts:\n  many: {cleanup: stuck-jobs, metric: found, above: 1}"
        try await withSweepScene(SweepCleanups.stuck, settings: settings) { scene in
            try await scene.stick("a", "b")
            let first = try await scene.run("stuck-jobs", limit: 1)
            let second = try await scene.run("stuck-jobs", limit: 1)
            try await scene.undo(first.run)
            let runs = try await scene.stream(scene.keys.runs)
            #expect(runs.map { $0["trigger"] } == ["manual", "manual", "undo"])
            #expect(runs.last?["status"] == "completed" && runs.last?["changed"] == "1")
            #expect(runs.last?["refunded"] == "-10")
            let events = try await scene.stream(scene.keys.events)
            #expect(events.map { $0["action"] } == ["fail", "fail", "undo"])
            let undone = try #require(events.last)
            #expect(undone["run"] == "stuck-jobs-3" && undone["record"] == events[0]["record"])
            #expect(undone["from"] == "FAILED" && undone["to"] == "PROCESSING" && undone["tokens"] == "-10")
            #expect(undone["reason"] == "undo of \(first.run): fail")
            #expect(undone["before"]?.contains("\"status\":\"FAILED\"") == true)
            #expect(undone["before"]?.contains("\"curfew:after\":{\"error\":null") == true)
            let metrics = try await scene.stream(scene.keys.metrics)
            #expect(metrics.map { $0["kind"] } == ["run", "run", "undo"])
            let other = try #require(second.records.first?.id)
            #expect(try await scene.hash("job:\(other)")["status"] == "FAILED")
        }
    }

    @Test("a record that has changed since is left, and said why; the others go back")
    func changedSince() async throws {
        try await withSweepScene(SweepCleanups.stuck) { scene in
            try await scene.stick("same", "requeued", "edited", "gone")
            let run = try await scene.run("stuck-jobs")
            _ = try await scene.send("HSET", "job:requeued", "status", "QUEUED")
            _ = try await scene.send("HSET", "job:edited", "error", "looked into by hand")
            _ = try await scene.send("DEL", "job:gone")
            let before = try await scene.dump()

            let result = try await scene.undo(run.run)

            #expect(result.status == .completed && result.cleanedUp == 1 && result.skipped == 3 && result.failed == 0)
            let left = SweepScene.left(result)
            #expect(left["requeued"] == "changed since: status is no longer “FAILED”")
            #expect(left["edited"]?.hasPrefix("changed since: error is no longer “stuck in PROCESSING") == true)
            #expect(left["gone"]?.isEmpty == false)
            #expect(result.message.hasSuffix("took back 10 tokens (3 left as they are)"))
            let after = try await scene.dump()
            for key in ["job:requeued", "job:edited"] { #expect(after[key] == before[key]) }
            #expect(try await scene.text("user:u1:tokens") == "30")
            #expect(try await scene.members("jobs:deadlines") == ["same"])
        }
    }

    @Test("a second undo of a run finds everything changed since")
    func twice() async throws {
        try await withSweepScene(SweepCleanups.stuck) { scene in
            try await scene.stick("a", "b")
            let run = try await scene.run("stuck-jobs")
            try await scene.undo(run.run)
            let before = try await scene.dump()
            let second = try await scene.undo(run.run)
            #expect(second.cleanedUp == 0 && second.skipped == 2 && second.tokensRefunded == 0)
            #expect(try await scene.dump() == before)
        }
    }

    @Test("counters that were put right are as wrong as before")
    func counters() async throws {
        try await withSweepScene(SweepCleanups.counters) { scene in
            let old = String((scene.began - .seconds(4 * 3_600)).milliseconds)
            let fields = [
                "status": "processing", "updated_at": old, "total_requested": "4", "queued": "-3", "completed": "2",
                "failed": "9",
            ]
            try await scene.write("generation:g", fields, index: "generations", id: "g")
            let run = try await scene.run("stuck-generations")
            #expect(run.cleanedUp == 1)
            #expect(try await scene.hash("generation:g") != fields)
            #expect(try await scene.undo(run.run).cleanedUp == 1)
            #expect(try await scene.hash("generation:g") == fields)
        }
    }

    @Test(
        "released locks come back, with the time at which they would have expired by themselves",
        .enabled(if: RedisServer.hasFunctions))
    func locks() async throws {
        try await withSweepScene(SweepCleanups.locks) { scene in
            try await RunGuardTests.fill(scene, old: 4, young: 0)
            let expiry = String(scene.began.milliseconds + 3_600_000)
            _ = try await scene.send("PEXPIREAT", "lock:2", expiry)
            let before = try await scene.dump()
            let run = try await scene.run("generation-locks")
            // Taken again since by somebody else; and thrown away for good.
            _ = try await scene.send("HSET", "lock:3", "owner", "w9")
            _ = try await scene.send("DEL", "curfew:trash:\(run.run):{lock:4}")

            let result = try await scene.undo(run.run)

            #expect(result.cleanedUp == 2 && result.skipped == 2)
            let left = SweepScene.left(result)
            #expect(left["3"] == "changed since: there is a new lock:3")
            #expect(left["4"] == "what was removed is gone from the trash, where it is kept for 1d")
            let after = try await scene.dump()
            for key in ["lock:1", "lock:2"] { #expect(after[key] == before[key]) }
            #expect(try await scene.send("PEXPIRETIME", "lock:1").integer == -1)
            #expect(try await scene.send("PEXPIRETIME", "lock:2").string == expiry)
            #expect(try await scene.hash("lock:3") == ["owner": "w9"])
            #expect(after.keys.filter { $0.hasPrefix("curfew:trash") } == ["curfew:trash:\(run.run):{lock:3}"])
            #expect(Set(try await scene.members("locks")) == ["1", "2"])
        }
    }

    @Test("a retried job is taken out of its queue again; one that was taken up in between is left")
    func retries() async throws {
        try await withSweepScene(SweepCleanups.retried) { scene in
            try await scene.stick("a", "b", "c")
            _ = try await scene.send("RPUSH", "jobs:queued", "other", "a")
            let before = try await scene.dump()
            let run = try await scene.run("stuck-jobs")
            #expect(run.retried == 3)
            // A worker has popped it and not said so yet.
            _ = try await scene.send("LREM", "jobs:queued", "1", "b")

            let result = try await scene.undo(run.run)

            #expect(result.cleanedUp == 2)
            #expect(
                SweepScene.left(result)["b"]
                    == "changed since: it isn't in jobs:queued any more, somebody has taken it up")
            let after = try await scene.dump()
            for key in ["job:a", "job:c", "jobs:queued"] { #expect(after[key] == before[key]) }
            #expect(try await scene.hash("job:b")["status"] == "QUEUED")
            let now = try await scene.engine.serverClock().now.milliseconds
            for id in ["a", "c"] {
                let score = try #require(try await scene.score(id, in: "jobs:deadlines"))
                #expect(score <= now)
            }
        }
    }

    @Test("what was added to a stream, or to a very long list, is left: it can't be taken back")
    func streams() async throws {
        try await withSweepScene(SweepCleanups.retried) { scene in
            try await scene.stick("a")
            _ = try await scene.send("XADD", "jobs:queued", "*", "id", "other")
            let run = try await scene.run("stuck-jobs")
            let result = try await scene.undo(run.run)
            #expect(
                SweepScene.left(result) == ["a": "it was added to jobs:queued, a stream, which can't be taken back"])
            #expect(try await scene.hash("job:a")["status"] == "QUEUED")

            _ = try await scene.send("DEL", "jobs:queued")
            _ = try await scene.send("DEL", scene.keys.kinds)
            try await scene.stick("b")
            let second = try await scene.run("stuck-jobs")
            _ = try await scene.send(
                "EVAL", "for i = 1, 1000 do redis.call('LPUSH', KEYS[1], i) end", "1", "jobs:queued")
            let left = SweepScene.left(try await scene.undo(second.run))
            #expect(left["b"] == "jobs:queued has 1001 entries: expected at most 1000, to search it")
        }
    }

    @Test("more records than several pages of events, and some that were undone before, by a run that broke off")
    func many() async throws {
        try await withSweepScene(SweepCleanups.locks + "\n  guard: off") { scene in
            try await RunGuardTests.fill(scene, old: 1_300, young: 0)
            let before = try await scene.dump().filter { $0.key != "locks" }
            let run = try await scene.run("generation-locks")
            #expect(run.cleanedUp == 1_300)
            let undo = try await Undo.find(run.run, scene.engine)
            let (claim, clock) = try await scene.claim(undo.cleanup, trigger: Trigger.undo)
            let first = Run(engine: scene.engine, cleanup: undo.cleanup, claim: claim, clock: clock, task: .undo(undo))
            first.control.stop(.cancelled(by: "a test"))
            #expect(await first.execute().status == .cancelled)
            _ = try await scene.send("RENAME", "curfew:trash:\(run.run):{lock:7}", "lock:7")
            _ = try await scene.send("PERSIST", "lock:7")
            let result = try await scene.undo(run.run)
            #expect(result.cleanedUp == 1_299 && result.skipped == 1 && result.records.count == 100)
            #expect(try await scene.dump().filter { $0.key != "locks" } == before)
        }
    }

    @Test("of a run whose events are trimmed in part the rest is undone, and it says how many are missing")
    func trimmed() async throws {
        try await withSweepScene(SweepCleanups.stuck) { scene in
            try await scene.stick("a", "b", "c")
            let run = try await scene.run("stuck-jobs")
            _ = try await scene.send("XTRIM", scene.keys.events, "MAXLEN", "=", "1")
            let result = try await scene.undo(run.run)
            #expect(result.status == .completedWithErrors && result.cleanedUp == 1)
            let missing =
                "2 of the 3 changes of stuck-jobs-1 are no longer in the events, which are kept for 1d and up to about "
                + "100000 of them"
            #expect(result.error == missing && result.message.hasSuffix(". \(missing)"))
        }
    }
}
