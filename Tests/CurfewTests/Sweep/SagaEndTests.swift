import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

/// What is left of a saga, or of an undo, when it is over.
@Suite("saga: its end", .tags(.cluster), .onlyCluster, .timeLimit(.minutes(5)))
struct SagaEndTests {
    private struct Cut: Error {}

    private func stick(_ scene: SweepScene, _ ids: ClosedRange<Int>) async throws {
        for id in ids {
            let job = SweepStuckTests.job(.milliseconds, started: scene.began - .seconds(600))
            try await scene.write("job:\(id)", job, index: "jobs:deadlines", id: "\(id)")
        }
    }

    @Test("a run that broke off and ended leaves no mark when the next has finished it", arguments: Saga.Stage.allCases)
    func brokenOff(stage: Saga.Stage) async throws {
        try await withSweepScene(SweepCleanups.stuck) { scene in
            try await stick(scene, 1...20)
            try await SagaCrashTests.die("stuck-jobs", after: stage, scene)
            let result = try await scene.run("stuck-jobs")
            #expect(result.status == .completed, "\(result)")
            #expect(try await scene.text("user:u1:tokens") == "200")
            #expect(try await scene.names("curfew:pending:*").isEmpty, "\(stage)")
            #expect(try await scene.existing(scene.keys.saga("stuck-jobs")) == 0)
        }
    }

    @Test("a mark of a change that could not be finished goes with the run that finishes it")
    func unfinished() async throws {
        try await withSweepScene(SweepCleanups.stuck) { scene in
            try await stick(scene, 1...2)
            let spoil: @Sendable (Saga.Stage) async throws -> Void = { stage in
                if stage == .planned { _ = try await scene.send("SET", "user:u1:tokens", "many") }
            }
            #expect(try await Saga.$cut.withValue(spoil) { try await scene.run("stuck-jobs") }.failed == 2)
            #expect(try await scene.run("stuck-jobs").failed == 2)
            #expect(try await scene.names("curfew:pending:*").isEmpty == false)
            _ = try await scene.send("SET", "user:u1:tokens", "5")
            let last = try await scene.run("stuck-jobs")
            #expect(last.status == .completed && last.cleanedUp == 2, "\(last)")
            #expect(try await scene.text("user:u1:tokens") == "25")
            #expect(try await scene.names("curfew:pending:*").isEmpty)
        }
    }

    // the holder of fence 1             the holder of fence 2
    // records changed
    // ─ frozen ─
    //                                   finishes them; the marks stay, closed, until they expire
    @Test("a mark of a run that never ended stays closed until it expires: who was frozen may come back under it")
    func neverEnded() async throws {
        try await withSweepScene(SweepCleanups.stuck) { scene in
            try await stick(scene, 1...5)
            let cleanup = try scene.cleanup("stuck-jobs")
            let (claim, clock) = try await scene.claim(cleanup)
            let sweep = Sweep(
                engine: scene.engine, cleanup: cleanup, claim: claim,
                control: RunControl(trust: nil, timeout: .seconds(60)), clock: clock, options: .init(), scanned: nil)
            let judged = try await sweep.judge.judge(
                (1...5).map { DueEntry(id: "\($0)", score: 0, scoreText: "0") }, at: sweep.now)
            let saga = sweep.scope.committer
            await #expect(throws: Cut.self) {
                try await Saga.$cut.withValue({ if $0 == .changed { throw Cut() } }) {
                    _ = try await saga.commit(judged, rescores: true, repeats: true)
                }
            }
            let next = sweep.scope.committer
            #expect(try await next.finishEarlier().count == 5)
            let marks = try await scene.names("curfew:pending:*")
            #expect(!marks.isEmpty)
            for mark in marks {
                #expect(try await scene.hash(mark).values.allSatisfy { $0 == "closed" })
                #expect(try await scene.send("TTL", mark).integer ?? 0 > 86_400)
            }
        }
    }

    @Test("an undo that came to its end leaves no marks, and one that was refused a part is finished by the next")
    func undone() async throws {
        try await withClusterSweep(SweepCleanups.stuck) { cluster, scene in
            for id in ["a", "b"] { try await scene.stick(id) }
            let run = try await scene.run("stuck-jobs")
            #expect(try await scene.undo(run.run).cleanedUp == 2)
            #expect(try await scene.names("curfew:pending:*").isEmpty)

            let second = try await scene.run("stuck-jobs")
            #expect(second.cleanedUp == 2, "\(second)")
            let index = try await cluster.owner(of: "jobs:deadlines")
            let narrow = RedisCommand("ACL", ["SETUSER", "default", "-zadd", "(+zadd ~{curfew}:*)"])
            try await cluster.send(narrow, to: index)
            #expect(try await scene.undo(second.run).failed == 2)
            #expect(try await !scene.names("curfew:pending:*").isEmpty)
            try await cluster.send(RedisCommand("ACL", ["SETUSER", "default", "clearselectors", "+zadd"]), to: index)
            #expect(try await scene.undo(second.run).cleanedUp == 2)
            #expect(try await scene.names("curfew:pending:*").isEmpty)
            for mark in try await scene.names("curfew:once:*") {
                #expect(try await scene.send("TTL", mark).integer ?? 0 > 0)
            }
        }
    }
}
