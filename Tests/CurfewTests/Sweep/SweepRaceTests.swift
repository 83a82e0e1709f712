import Foundation
import Logging
import Policies
import RedisClient
import Synchronization
import TestNeeds
import Testing

@testable import Curfew

/// What happens between the reading of a record and the commit of its verdict.
@Suite("sweep: races", .tags(.ownServer), .everyTopology)
struct SweepRaceTests {
    /// Decides over one entry, lets the app do something, and only then commits.
    ///
    ///     sweep                        app
    ///     ZRANGE, HMGET: it is stuck
    ///                                  writes
    ///     FCALL curfew_commit
    ///
    /// On a Cluster the app writes once the plan is made, and before the look at keys in other slots: what changes there
    /// after that look isn't seen.
    ///
    /// - Returns: What became of the entry, and all keys as the app has left them.
    func interleaved(
        _ cleanup: String, _ id: String, _ scene: SweepScene, app: @escaping @Sendable () async throws -> Void
    ) async throws -> (result: CommitResult, before: [String: [UInt8]]) {
        let cleanup = try scene.cleanup(cleanup)
        let (claim, clock) = try await scene.claim(cleanup)
        let index = try #require(cleanup.index)
        let score = try #require(try await scene.send("ZSCORE", index, id).string)
        let sweep = Sweep(
            engine: scene.engine, cleanup: cleanup, claim: claim,
            control: RunControl(trust: nil, timeout: .seconds(60)), clock: clock, options: .init(), scanned: nil)
        let entry = DueEntry(id: id, score: Double(score) ?? 0, scoreText: score)
        let judged = try await sweep.judge.judge([entry], at: clock.now)
        let before = Mutex<[String: [UInt8]]>([:])
        let write: @Sendable () async throws -> Void = {
            try await app()
            let dump = try await scene.dump()
            before.withLock { $0 = dump }
        }
        let results: [CommitResult]
        if scene.redis.isCluster {
            // Where nothing is to be changed there is no plan.
            let isPlanned = judged[0].isChange
            if !isPlanned { try await write() }
            results = try await Saga.$cut.withValue({ if isPlanned, $0 == .planned { try await write() } }) {
                try await sweep.scope.committer.commit(judged, rescores: true, repeats: true)
            }
        } else {
            let prepared = try await Committer(scope: sweep.scope).prepare(judged, at: clock.now, rescores: true)
            try await write()
            results = try await sweep.results(of: Page(judged: judged, prepared: prepared), commit: nil)
        }
        return (try #require(results.first), before.withLock(\.self))
    }

    private func expectMoved(_ result: CommitResult) {
        if case .moved = result { return }
        Issue.record("expected it to have moved: \(result)")
    }

    struct Move: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let commands: [[String]]

        init(_ name: String, _ commands: [String]...) {
            testDescription = name
            self.commands = commands
        }
    }

    static let moves = [
        Move("finished", ["HSET", "job:a", "status", "COMPLETED"]),
        Move("cancelled", ["HSET", "job:a", "status", "CANCELLED"]),
        Move("taken up again", ["HSET", "job:a", "processingStartedAt", "4000000000"]),
        Move("a heartbeat", ["HSET", "job:a", "heartbeatAt", "4000000000"]),
        Move("another start, as the heartbeat says", ["HDEL", "job:a", "processingStartedAt"]),
        Move("its worker is back", ["SET", "worker:w1:alive", "1"]),
        Move("another worker has it", ["HSET", "job:a", "workerId", "w2"], ["SET", "worker:w2:alive", "1"]),
        Move("it has a result", ["HSET", "job:a", "resultUrl", "x"]),
        Move("it is gone", ["DEL", "job:a"]),
        Move("it is another thing", ["DEL", "job:a"], ["SET", "job:a", "x"]),
    ]

    @Test("a job that moves between reading and commit is left as the app wrote it", arguments: moves, [false, true])
    func moved(move: Move, isRetried: Bool) async throws {
        try await withSweepScene(isRetried ? SweepCleanups.retried : SweepCleanups.stuck) { scene in
            var job = SweepStuckTests.job(.seconds, started: scene.began - .seconds(600))
            job["workerId"] = "w1"
            try await scene.write("job:a", job, index: "jobs:deadlines", id: "a")
            let (result, before) = try await interleaved("stuck-jobs", "a", scene) {
                for command in move.commands {
                    _ = try await scene.redis.send(RedisCommand(command[0], Array(command.dropFirst())))
                }
            }
            if case .refused(let why) = result {
                #expect(move.testDescription == "it is another thing", "refused: \(why)")
            } else {
                expectMoved(result)
            }
            #expect(try await scene.dump() == before)
            #expect(try await scene.send("EXISTS", scene.keys.events).integer == 0)
        }
    }

    @Test("another worker's job is left alone even where the first worker's key is still missing")
    func otherWorker() async throws {
        try await withSweepScene(SweepCleanups.stuck) { scene in
            let job = SweepStuckTests.job(.seconds, started: scene.began - .seconds(600))
            try await scene.write("job:a", job, index: "jobs:deadlines", id: "a")
            let (result, _) = try await interleaved("stuck-jobs", "a", scene) {
                _ = try await scene.send("HSET", "job:a", "workerId", "w9")
            }
            expectMoved(result)
            #expect(try await scene.hash("job:a")["status"] == "PROCESSING")
        }
    }

    @Test(
        "an entry that the app moves meanwhile keeps the app's score",
        arguments: ["young", "final", "gone", "worker"])
    func scoreGuard(kind: String) async throws {
        try await withSweepScene(SweepCleanups.stuck) { scene in
            var job = SweepStuckTests.job(.seconds, started: scene.began - .seconds(kind == "young" ? 60 : 600))
            if kind == "final" { job["status"] = "COMPLETED" }
            try await scene.write("job:a", job, index: "jobs:deadlines", id: "a")
            if kind == "gone" { _ = try await scene.send("DEL", "job:a") }
            if kind == "worker" { _ = try await scene.send("HSET", "job:a", "status", "QUEUED") }
            let score = (scene.began + .seconds(77)).milliseconds
            _ = try await interleaved("stuck-jobs", "a", scene) {
                _ = try await scene.send("ZADD", "jobs:deadlines", "\(score)", "a")
            }
            #expect(try await scene.score("a", in: "jobs:deadlines") == score)
        }
    }

    @Test("an entry whose record is opened again before it is dropped stays")
    func reopened() async throws {
        try await withSweepScene(SweepCleanups.stuck) { scene in
            try await scene.write("job:a", ["status": "COMPLETED"], index: "jobs:deadlines", id: "a")
            _ = try await interleaved("stuck-jobs", "a", scene) {
                _ = try await scene.send("HSET", "job:a", "status", "PROCESSING")
            }
            #expect(try await scene.members("jobs:deadlines") == ["a"])
        }
    }

    @Test("a lock that is taken anew before it is released stays", arguments: ["owner", "time", "alive", "text"])
    func lock(kind: String) async throws {
        try await withSweepScene(SweepCleanups.locks + "\n" + SweepCleanups.textLocks) { scene in
            let time = WrittenTime.seconds.text(scene.began - .seconds(9 * 3_600))
            try await scene.write("lock:l", ["acquired_at": time, "owner": "w1"], index: "locks", id: "l")
            _ = try await scene.send("SET", "mutex:l", "one")
            try await scene.backdate("mutex:l", "l", seen: "one", by: .seconds(9 * 3_600), of: "text-locks")
            _ = try await scene.send("ZADD", "mutexes", "1", "l")
            let (result, _) = try await interleaved(kind == "text" ? "text-locks" : "generation-locks", "l", scene) {
                switch kind {
                case "owner": _ = try await scene.send("HSET", "lock:l", "owner", "w2")
                case "time": _ = try await scene.send("HSET", "lock:l", "acquired_at", "4000000000")
                case "alive": _ = try await scene.send("SET", "worker:w1:alive", "1")
                default: _ = try await scene.send("SET", "mutex:l", "two")
                }
            }
            expectMoved(result)
            #expect(try await scene.existing("lock:l", "mutex:l") == 2)
        }
    }

    @Test(
        "a group whose counters move before it is closed is left alone",
        arguments: ["queued", "processing", "completed", "failed", "total_requested", "status", "updated_at"])
    func counter(field: String) async throws {
        try await withSweepScene(SweepCleanups.counters) { scene in
            let time = WrittenTime.seconds.text(scene.began - .seconds(9 * 3_600))
            try await scene.write(
                "generation:g", SweepCountersTests.group([0, 0, 7, 3], at: time), index: "generations", id: "g")
            let (result, _) = try await interleaved("stuck-generations", "g", scene) {
                _ = try await scene.send("HSET", "generation:g", field, "1")
            }
            expectMoved(result)
            #expect(try await scene.hash("generation:g")[field] == "1")
        }
    }
}
