import Policies
import RedisClient
import Synchronization
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

/// A slot that moves to another node between two steps of a saga.
@Suite("saga: a slot moves in the middle", .tags(.cluster), .timeLimit(.minutes(5)))
struct SagaMovingTests {
    /// How it moves.
    enum Way: CaseIterable, Sendable {
        /// Wholly, between two steps.
        case atOnce
        /// One key goes between two steps, the others and the slot itself when somebody has met that, or the run is over.
        case halfway
        /// Wholly, after a run that has died there and before the next.
        case afterDeath
    }

    private struct Cut: Error {}

    private static let apart = SweepCleanups.retried
    /// With ledger and balance in one slot, which are written together.
    private static let together = apart.replacing("user:<userId>:", with: "user:{<userId>}:")

    private static let stages: [Saga.Stage] = [.planned, .changed, .carriedOut, .recorded, .cleared]

    /// Runs a cleanup while the slot of a key moves after a stage; the result of the run that ends it.
    private func run(
        _ name: String, moving key: String, _ way: Way, after stage: Saga.Stage, _ scene: SweepScene,
        _ cluster: RedisCluster
    ) async throws -> RunResult {
        let slot = RedisSlot.of(key)
        let owner = try await cluster.owner(of: slot)
        let target = try #require(cluster.members.first { $0.identifier != owner.identifier })
        switch way {
        case .atOnce:
            let move: @Sendable (Saga.Stage) async throws -> Void = {
                if $0 == stage { try await cluster.move(slot: slot, to: target) }
            }
            return try await Saga.$cut.withValue(move) { try await scene.run(name) }
        case .halfway:
            return try await runHalfway(name, key, from: owner, to: target, stage, scene, cluster)
        case .afterDeath:
            let died = try await Saga.$cut.withValue({ if $0 == stage { throw Cut() } }) { try await scene.run(name) }
            #expect(died.status == .failed)
            try await cluster.move(slot: slot, to: target)
            return try await scene.run(name)
        }
    }

    //     saga                                   cluster
    //     a step is over
    //                                            the slot is on its way, one of its keys has gone
    //     the next step: TRYAGAIN, ASK, or
    //     nothing of it (then: to the end)
    //                                            the other keys go, then the slot
    //     goes on
    private func runHalfway(
        _ name: String, _ key: String, from source: RedisCluster.Member, to target: RedisCluster.Member,
        _ stage: Saga.Stage, _ scene: SweepScene, _ cluster: RedisCluster
    ) async throws -> RunResult {
        let slot = RedisSlot.of(key)
        let isMoving = Mutex(false)
        let isOver = Mutex(false)
        let before = try await cluster.countOfDeferrals()
        let begin: @Sendable (Saga.Stage) async throws -> Void = {
            guard $0 == stage, !isMoving.withLock(\.self) else { return }
            try await cluster.beginMoving(slot: slot, to: target)
            try await cluster.move(keys: [key], from: source, to: target)
            isMoving.withLock { $0 = true }
        }
        async let running = Saga.$cut.withValue(begin) {
            defer { isOver.withLock { $0 = true } }
            return try await scene.run(name)
        }
        try await eventually("the slot is on its way") { isMoving.withLock(\.self) || isOver.withLock(\.self) }
        let hasBegun = isMoving.withLock(\.self)
        #expect(hasBegun)
        try await eventually("somebody has met it, or the run is over") {
            if isOver.withLock(\.self) { return true }
            return try await cluster.countOfDeferrals() > before
        }
        while try await cluster.moveKeys(of: slot, from: source, to: target, count: 100) > 0 {}
        try await cluster.finishMoving(slot: slot, from: source, to: target)
        return try await running
    }

    @Test(
        "a failed and a retried job: refunded once, pushed once, told once, wherever record, balance and index go",
        arguments: Way.allCases, [Self.apart, Self.together])
    func jobs(way: Way, cleanup: String) async throws {
        let isTogether = cleanup == Self.together
        let parts = isTogether ? ["ledger"] : ["record", "balance", "ledger", "queue", "index", "lease"]
        try await withClusterSweep(cleanup) { cluster, scene in
            let before = try await cluster.countOfDeferrals()
            var number = 0
            for stage in Self.stages {
                for part in parts {
                    number += 1
                    let comment: Comment = "\(part) after \(stage)"
                    let (failed, retried) = ("f\(number)", "r\(number)")
                    let user = isTogether ? "user:{u\(number)}" : "user:u\(number)"
                    try await write(failed, retried, "u\(number)", at: user, scene)
                    let keys = [
                        "record": "job:\(failed)", "balance": "\(user):tokens", "ledger": "\(user):refunds",
                        "queue": "jobs:queued", "index": "jobs:deadlines", "lease": scene.keys.lease("stuck-jobs"),
                    ]

                    let result = try await run(
                        "stuck-jobs", moving: try #require(keys[part]), way, after: stage, scene, cluster)

                    #expect(result.status == .completed && result.errors.isEmpty, comment)
                    let isCounted = way != .afterDeath || stage == .planned || stage == .changed || stage == .carriedOut
                    #expect(result.cleanedUp == (isCounted ? 2 : 0) && result.skipped == 0, comment)
                    #expect(result.tokensRefunded == (isCounted ? 10 : 0), comment)
                    #expect(try await scene.text("\(user):tokens") == "15", comment)
                    #expect(try await scene.hash("\(user):refunds").count == 2, comment)
                    #expect(try await scene.hash("job:\(failed)")["status"] == "FAILED", comment)
                    #expect(try await scene.hash("job:\(retried)")["status"] == "QUEUED", comment)
                    #expect(try await scene.score(failed, in: "jobs:deadlines") == nil, comment)
                    let score = try #require(try await scene.score(retried, in: "jobs:deadlines"), comment)
                    #expect(score > scene.began.milliseconds + 200_000, comment)
                    #expect(try await scene.send("RPOP", "jobs:queued").string == retried, comment)
                    #expect(try await scene.send("LLEN", "jobs:queued").integer == 1, comment)
                    let events = try await scene.stream(scene.keys.events).suffix(2).map { $0["record"] }
                    #expect(Set(events) == [failed, retried], comment)
                    #expect(try await SagaCrashTests.traces(scene) == [], comment)
                }
            }
            #expect(try await scene.stream(scene.keys.events).count == 2 * number)
            let met = try await cluster.countOfDeferrals() - before
            #expect((met > 0) == (way == .halfway), "met halfway \(met) times")
        }
    }

    /// A job whose tries are used up, one whose tries aren't, and keys that are there before, so that they can move.
    private func write(
        _ failed: String, _ retried: String, _ user: String, at key: String, _ scene: SweepScene
    ) async throws {
        for id in [failed, retried] {
            var job = SweepStuckTests.job(.milliseconds, started: scene.began - .seconds(600))
            job["userId"] = user
            if id == failed { job["attempts"] = "2" }
            try await scene.write("job:\(id)", job, index: "jobs:deadlines", id: id)
        }
        _ = try await scene.send("SET", "\(key):tokens", "5")
        _ = try await scene.send("HSET", "\(key):refunds", "another", "1")
        _ = try await scene.send("DEL", "jobs:queued")
        _ = try await scene.send("RPUSH", "jobs:queued", "another")
    }

    @Test("a removed record and the key that goes with it are in the trash, each in its slot", arguments: Way.allCases)
    func removal(way: Way) async throws {
        let cleanup = """
            old-jobs: {policy: retention, every: 1h, records: "old:<id>", index: olds, since: [at], keep: 1h, also: ["log:<id>"]}
            """
        try await withClusterSweep(cleanup) { cluster, scene in
            let at = String((scene.began - .seconds(7_200)).milliseconds)
            var number = 0
            for stage in Self.stages {
                for part in ["old", "log"] {
                    number += 1
                    let comment: Comment = "\(part) after \(stage)"
                    try await scene.write("old:\(number)", ["at": at], index: "olds", id: "\(number)")
                    _ = try await scene.send("RPUSH", "log:\(number)", "line")

                    let result = try await run(
                        "old-jobs", moving: "\(part):\(number)", way, after: stage, scene, cluster)

                    #expect(result.status == .completed && result.errors.isEmpty, comment)
                    #expect(try await scene.existing("old:\(number)", "log:\(number)") == 0, comment)
                    #expect(try await scene.names("curfew:trash:*:{old:\(number)}").count == 1, comment)
                    #expect(try await scene.names("curfew:trash:*:{log:\(number)}").count == 1, comment)
                    #expect(try await scene.members("olds") == [], comment)
                    #expect(try await SagaCrashTests.traces(scene) == [], comment)
                }
            }
            #expect(try await scene.stream(scene.keys.events).count == number)
        }
    }
}
