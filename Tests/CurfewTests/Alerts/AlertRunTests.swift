import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

/// Alerts on runs that came to no good end.
@Suite("alerts on runs", .tags(.ownServer), .timeLimit(.minutes(5)))
struct AlertRunTests {
    private static let cleanup = """
        stuck-jobs:
          policy: stuck
          every: 1h
          records: job:<id>
          index: jobs
          states: [PROCESSING]
          since: [startedAt]
          timeout: 5m
          to: FAILED
        """

    private func states(_ scene: SweepScene, of alert: String) async throws -> [String] {
        try await scene.stream(scene.keys.alerts).filter { $0["alert"] == alert }.compactMap { $0["state"] }
            .filter { $0 != "threshold" }
    }

    @Test("a run that fails fires, and the next that doesn't resolves; over some runs they are added up")
    func failed() async throws {
        let alerts = """
            alerts:
              failing: {cleanup: stuck-jobs, metric: runs_failed, above: 0}
              often: {cleanup: stuck-jobs, metric: runs_failed, above: 1, over: 3 runs}
            """
        try await withSweepScene(Self.cleanup, settings: alerts) { scene in
            _ = try await scene.send("SET", "jobs", "no index")
            #expect(try await scene.run("stuck-jobs").status == .failed)
            #expect(try await states(scene, of: "failing") == ["firing"])
            #expect(try await states(scene, of: "often") == [])
            #expect(try await scene.run("stuck-jobs").status == .failed)
            #expect(try await states(scene, of: "often") == ["firing"])
            _ = try await scene.send("DEL", "jobs")
            #expect(try await scene.run("stuck-jobs").status == .completed)
            #expect(try await states(scene, of: "failing") == ["firing", "resolved"])
            let runs = try await scene.stream(scene.keys.metrics).map { $0["runs_failed"] }
            #expect(runs == ["1", "1", nil])
        }
    }

    @Test("a run that was lost is noticed by the one that takes its place, even where that one is lost as well")
    func lost() async throws {
        let alerts = """
            alerts:
              losing: {cleanup: stuck-jobs, metric: runs_lost, above: 0}
              often: {cleanup: stuck-jobs, metric: runs_lost, above: 1, over: 1h}
            """
        try await withSweepScene(Self.cleanup, settings: alerts) { scene in
            let cleanup = try scene.cleanup("stuck-jobs")
            func takeOver() async throws -> Run {
                let (claim, clock) = try await scene.claim(cleanup)
                return Run(engine: scene.engine, cleanup: cleanup, claim: claim, clock: clock)
            }
            _ = try await takeOver()
            for number in 1...2 {
                // The holder is silent until its lease is over.
                _ = try await scene.send("ZADD", scene.keys.schedule, "1", "stuck-jobs")
                let run = try await takeOver()
                #expect(run.claim.replaces == "stuck-jobs-\(number)")
                // This one is lost too: it gets no further than its beginning.
                await run.noticeLost()
                #expect(try await states(scene, of: "losing") == ["firing"])
                #expect(try await states(scene, of: "often") == (number == 1 ? [] : ["firing"]))
            }
            _ = try await scene.send("ZADD", scene.keys.schedule, "1", "stuck-jobs")
            let last = await (try await takeOver()).execute()
            #expect(last.status == .completed, "\(last)")
            #expect(try await states(scene, of: "losing") == ["firing", "resolved"])
            let lost = try await scene.stream(scene.keys.metrics).filter { $0["kind"] == "lost" }
            #expect(lost.map { $0["run"] } == ["stuck-jobs-1", "stuck-jobs-2", "stuck-jobs-3"])
        }
    }
}

/// Counts of a run by action, and alerts on one action.
@Suite("counts by action", .tags(.ownServer), .everyTopology, .timeLimit(.minutes(5)))
struct ActionCountTests {
    private static let cleanup = """
        paused-batches:
          policy: paused
          every: 1h
          records: batch:<id>
          index: batches
          states: [paused]
          since: [pausedAt]
          stale: 7d
          warn: 23d
          timeout: 30d
        """

    @Test("cancelled, warned and marked are told apart in result, history and metrics; an alert counts one of them")
    func actions() async throws {
        let alerts = """
            alerts:
              cancelled: {cleanup: paused-batches, metric: changed, action: cancel, above: 1}
              warned: {cleanup: paused-batches, metric: changed, action: warn, above: 2}
              gone: {cleanup: paused-batches, metric: missing, above: 0}
            """
        try await withSweepScene(Self.cleanup, settings: alerts) { scene in
            for (id, days) in [("a", 40), ("b", 31), ("c", 25), ("d", 8), ("e", 9), ("f", 10), ("g", 1)] {
                let since = String((scene.began - .seconds(days * 86_400)).milliseconds)
                try await scene.write(
                    "batch:\(id)", ["status": "paused", "pausedAt": since], index: "batches", id: id)
            }
            _ = try await scene.send("ZADD", "batches", "1", "nothing")
            let expected = ["cancel": 2, "warn": 1, "mark": 3, "drop": 1]
            let dry = try await scene.run("paused-batches", isDryRun: true)
            #expect(dry.actions == expected && dry.cleanedUp == 0, "\(dry)")
            let result = try await scene.run("paused-batches")
            #expect(result.actions == expected, "\(result)")
            let run = try #require(try await scene.stream(scene.keys.runs).last)
            #expect(run["actions"] == #"{"cancel":2,"drop":1,"mark":3,"warn":1}"#)
            let metrics = try #require(try await scene.stream(scene.keys.metrics).last)
            #expect(metrics["action:cancel"] == "2" && metrics["action:mark"] == "3" && metrics["stalled"] == "0")
            let fired = try await scene.stream(scene.keys.alerts).filter { $0["state"] == "firing" }
            #expect(fired.compactMap { $0["alert"] }.sorted() == ["cancelled", "gone"])
            let message = try #require(fired.first { $0["alert"] == "cancelled" }?["message"])
            #expect(message == "paused-batches: changed by cancel 2 is above 1")
            #expect(try await scene.run("paused-batches").actions == [:])
        }
    }
}
