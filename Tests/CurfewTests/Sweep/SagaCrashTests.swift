import Policies
import RedisClient
import Synchronization
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

/// A run in a Cluster that dies between two steps of a page, and the run after it.
@Suite("saga: a run dies after any step", .tags(.cluster), .onlyCluster, .timeLimit(.minutes(5)))
struct SagaCrashTests {
    private struct Cut: Error {}

    /// Runs a cleanup until a page has come to a stage; the lease is left to the next run.
    static func die(_ name: String, after stage: Saga.Stage, _ scene: SweepScene) async throws {
        let result = try await Saga.$cut.withValue({ if $0 == stage { throw Cut() } }) { try await scene.run(name) }
        #expect(result.status == .failed, "\(result)")
    }

    private static let failing = SweepCleanups.stuck
    private static let together = failing.replacing("user:<userId>:", with: "user:{<userId>}:")

    /// Keys that a saga uses on the way.
    static func traces(_ scene: SweepScene) async throws -> [String] {
        let keys = try await scene.dump(withOwn: true).keys.filter { key in
            ["curfew:once:", "curfew:pending:", "{curfew}:saga:"].contains { key.hasPrefix($0) }
        }
        // What stops somebody who was frozen expires.
        let times = try await scene.redis.pipeline(keys.map { RedisCommand("TTL", [$0]) })
        return zip(keys, times).filter { $1.integer == -1 }.map(\.0)
    }

    private func stick(_ scene: SweepScene, _ ids: ClosedRange<Int>) async throws {
        for id in ids {
            let job = SweepStuckTests.job(.milliseconds, started: scene.began - .seconds(600))
            try await scene.write("job:\(id)", job, index: "jobs:deadlines", id: "\(id)")
        }
    }

    @Test(
        "failed jobs: each is refunded once and has one event, counted by the run that wrote it",
        arguments: Saga.Stage.allCases, [failing, together])
    func failed(stage: Saga.Stage, cleanup: String) async throws {
        try await withSweepScene(cleanup) { scene in
            try await stick(scene, 1...30)
            let user = cleanup == Self.together ? "user:{u1}" : "user:u1"

            try await Self.die("stuck-jobs", after: stage, scene)
            let result = try await scene.run("stuck-jobs")

            #expect(result.status == .completed, "\(result)")
            let isTold = [.recorded, .cleared, .ended].contains(stage)
            #expect(result.cleanedUp == (isTold ? 0 : 30) && result.skipped == 0, "\(result)")
            #expect(result.tokensRefunded == (isTold ? 0 : 300))
            #expect(try await scene.text("\(user):tokens") == "300")
            #expect(try await scene.hash("\(user):refunds").count == 30)
            for id in 1...30 { #expect(try await scene.hash("job:\(id)")["status"] == "FAILED") }
            let events = try await scene.stream(scene.keys.events)
            #expect(events.count == 30 && Set(events.compactMap { $0["record"] }).count == 30)
            #expect(events.allSatisfy { $0["tokens"] == "10" })
            #expect(try await scene.members("jobs:deadlines") == [])
            #expect(try await Self.traces(scene) == [])
        }
    }

    @Test(
        "a retried job that the app has taken up, finished and unlisted meanwhile is pushed once all the same",
        arguments: [("list", Saga.Stage.changed), ("list", .carriedOut), ("stream", .changed), ("stream", .carriedOut)])
    func retried(queue: String, stage: Saga.Stage) async throws {
        try await withSweepScene(SweepCleanups.retried) { scene in
            if queue == "stream" { _ = try await scene.send("XGROUP", "CREATE", "jobs:queued", "app", "0", "MKSTREAM") }
            try await stick(scene, 1...5)
            try await Self.die("stuck-jobs", after: stage, scene)
            for id in 1...5 {
                #expect(try await scene.hash("job:\(id)")["status"] == "QUEUED")
                _ = try await scene.send("HSET", "job:\(id)", "status", "COMPLETED")
                _ = try await scene.send("ZREM", "jobs:deadlines", "\(id)")
            }

            let result = try await scene.run("stuck-jobs")

            #expect(result.status == .completed && result.retried == 5, "\(result)")
            let length = try await scene.send(queue == "stream" ? "XLEN" : "LLEN", "jobs:queued")
            #expect(length.integer == 5)
            #expect(try await scene.stream(scene.keys.events).count == 5)
            #expect(try await scene.hash("job:1")["status"] == "COMPLETED")
        }
    }

    @Test("a removed record goes with all its keys, and comes back from the trash of the run that removed it")
    func removed() async throws {
        let cleanup = """
            old-jobs:
              policy: retention
              every: 1h
              records: old:<id>
              index: olds
              since: [completedAt]
              keep: 1h
              also: ["old:<id>:log", "log:{old:<id>}"]
            """
        for stage in Saga.Stage.allCases {
            try await withSweepScene(cleanup) { scene in
                let time = String((scene.began - .seconds(7_200)).milliseconds)
                for id in 1...5 {
                    try await scene.write("old:\(id)", ["completedAt": time], index: "olds", id: "\(id)")
                    _ = try await scene.send("RPUSH", "old:\(id):log", "x")
                    _ = try await scene.send("RPUSH", "log:{old:\(id)}", "y")
                }
                try await Self.die("old-jobs", after: stage, scene)
                let result = try await scene.run("old-jobs")
                #expect(result.status == .completed, "\(stage): \(result)")
                #expect(try await scene.stream(scene.keys.events).count == 5)
                let rest = try await scene.dump()
                #expect(rest.keys.allSatisfy { $0.hasPrefix("curfew:") }, "\(stage): \(rest.keys)")
                #expect(rest.keys.count { $0.hasPrefix("curfew:trash:") } == 15)
                #expect(try await scene.members("olds") == [])
                let event = try #require(try await scene.stream(scene.keys.events).first)
                let undone = try await scene.undo(event["run"] ?? "")
                #expect(undone.cleanedUp == 5, "\(stage): \(undone)")
                #expect(try await scene.send("EXISTS", "old:3").integer == 1)
                #expect(try await scene.send("EXISTS", "old:3:log").integer == 1)
                #expect(try await scene.send("EXISTS", "log:{old:3}").integer == 1)
            }
        }
    }

    // the holder of fence 1            the holder of fence 2
    // marks named
    // ─ frozen ─
    //                                  closes the marks: nothing was made; names them no more
    // ─ wakes, goes on ─
    // the marks are closed
    @Test("a run that is frozen before its first change and wakes makes nothing of it")
    func frozen() async throws {
        try await withSweepScene(Self.failing) { scene in
            try await stick(scene, 1...5)
            // Left as they are by the second run, so that the guards of the first would still hold.
            let cleanup = try scene.cleanup("stuck-jobs")
            let (claim, clock) = try await scene.claim(cleanup)
            let control = RunControl(trust: nil, timeout: .seconds(60))
            let sweep = Sweep(
                engine: scene.engine, cleanup: cleanup, claim: claim, control: control, clock: clock, options: .init(),
                scanned: nil)
            let entries = (1...5).map { DueEntry(id: "\($0)", score: 0, scoreText: "0") }
            let judged = try await sweep.judge.judge(entries, at: sweep.now)
            let saga = sweep.scope.committer
            let arrivals = Mutex(0)
            // Between naming the marks and using them, another run comes.
            let come: @Sendable (Saga.Stage) async throws -> Void = { stage in
                guard stage == .planned else { return }
                arrivals.withLock { $0 += 1 }
                let finished = try await sweep.scope.committer.finishEarlier()
                #expect(finished.isEmpty)
            }
            let results = try await Saga.$cut.withValue(come) {
                try await saga.commit(judged, rescores: true, repeats: true)
            }
            #expect(arrivals.withLock(\.self) == 1)
            for result in results {
                let isMoved = if case .moved = result { true } else { false }
                #expect(isMoved, "\(result)")
            }
            #expect(try await scene.stream(scene.keys.events).isEmpty)
            #expect(try await scene.hash("job:1")["status"] == "PROCESSING")
        }
    }

    // sweep                             a node
    // marks named                       ─ frozen ─
    // records' parts: no answer in time
    //                                   ─ wakes, and does what it was sent ─
    // the mark says that it is made
    @Test("a node that answers too late is found to have made its part, which isn't made again")
    func late() async throws {
        try await withClusterSweep(Self.failing) { cluster, scene in
            try await stick(scene, 1...60)
            let node = try await cluster.owner(of: "job:1")
            let arrivals = Mutex(0)
            let freeze: @Sendable (Saga.Stage) async throws -> Void = { stage in
                guard stage == .planned else { return }
                arrivals.withLock { $0 += 1 }
                if arrivals.withLock(\.self) == 1 { node.server.freeze() }
            }
            async let running = Saga.$cut.withValue(freeze) { try await scene.run("stuck-jobs") }
            try await eventually("the call is given up") { !scene.redis.isConnected }
            node.server.resume()
            let result = try await running

            #expect(result.status == .completed && result.cleanedUp == 60 && result.skipped == 0, "\(result)")
            #expect(result.tokensRefunded == 600)
            #expect(try await scene.text("user:u1:tokens") == "600")
            let events = try await scene.stream(scene.keys.events)
            #expect(events.count == 60 && events.allSatisfy { $0["tokens"] == "10" })
            #expect(try await Self.traces(scene) == [])
        }
    }

    // sweep                             app
    // looks at the balances, plan
    //                                   SET user:u2:tokens many
    // FAILED, but nothing can be paid
    @Test("a balance that stops being a number meanwhile keeps its change unfinished, until it is mended")
    func refused() async throws {
        try await withSweepScene(Self.failing) { scene in
            try await stick(scene, 1...3)
            _ = try await scene.send("HSET", "job:2", "userId", "u2")

            let spoil: @Sendable (Saga.Stage) async throws -> Void = { stage in
                if stage == .planned { _ = try await scene.send("SET", "user:u2:tokens", "many") }
            }
            let first = try await Saga.$cut.withValue(spoil) { try await scene.run("stuck-jobs") }
            #expect(first.cleanedUp == 2 && first.failed == 1 && first.tokensRefunded == 20, "\(first)")
            let second = try await scene.run("stuck-jobs")
            #expect(second.cleanedUp == 0 && second.failed == 1, "\(second)")
            #expect(second.errors.first?.id == "2")
            let early = try await scene.stream(scene.keys.events).map { $0["action"] }
            #expect(early.sorted { $0 ?? "" < $1 ?? "" } == ["error", "error", "fail", "fail"])
            _ = try await scene.send("SET", "user:u2:tokens", "5")
            let third = try await scene.run("stuck-jobs")
            #expect(third.cleanedUp == 1 && third.failed == 0 && third.tokensRefunded == 10, "\(third)")
            #expect(try await scene.text("user:u2:tokens") == "15")
            #expect(try await scene.stream(scene.keys.events).count { $0["action"] == "fail" } == 3)
            #expect(try await Self.traces(scene) == [])
        }
    }
}
