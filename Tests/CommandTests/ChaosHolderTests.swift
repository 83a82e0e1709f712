import Curfew
import RedisClient
import TestNeeds
import TestSupport
import Testing

extension Chaos {
    @Suite("60,000 stuck jobs, and the holder in trouble", .tags(.processes))
    struct HolderTests {
        private static let count = 60_000
        private static let lease: Int64 = 3_000
        /// For a slow machine, since taking over is a matter of milliseconds; a busy one is granted more.
        private static let slack: Int64 = 1_000

        //  holder                     redis                      another
        //  claim, fence 1 ──────────► lease until t + 3 s
        //  commit, commit, …          jobs failed, refunded
        //  killed                     lease runs out ──────────► claim, fence 2: run 1 recorded as lost
        //                             the rest  ◄──────────────  commit, commit, …
        @Test("killed in the middle: another continues within a lease, nothing twice", .timeLimit(.minutes(5)))
        func killed() async throws {
            try await Self.withHolderInTheMiddle { scene, workload, workers, holder in
                let killedAt = try await scene.now()
                let watch = Stopwatch()
                await holder.crash()
                let left = try #require(try await workload.left())
                try #require(left > 0, "the holder was through before it was killed")

                let lost = try await scene.run("lost")
                #expect(holder.isInstance(lost["instance"] ?? ""))
                #expect(lost.number("finished_ms") - killedAt <= Self.lease + Self.slack + watch.grantedMilliseconds)
                try await workload.left(atMost: 0)
                let next = try await scene.run("completed")
                #expect(next.number("fence") > lost.number("fence"))
                // What the holder had sent may have been carried out after it was dead.
                let early = try await workload.events(of: lost["run"] ?? "", since: "-")
                #expect(next.number("changed") + early == Int64(Self.count))
                try await workload.expectEachOnce(Self.count)
                try await Self.expectOthersWell(workers, without: holder)
            }
        }

        //  holder                     redis                      another
        //  claim, fence 1, commits
        //  frozen                     lease runs out ──────────► claim, fence 2
        //                                            ◄────────── commits
        //  wakes, still believes      (fence 1 is old)
        //  stops                                     ◄────────── commits
        @Test("frozen past its lease and woken: it writes nothing more, and works on later", .timeLimit(.minutes(5)))
        func frozen() async throws {
            try await Self.withHolderInTheMiddle { scene, workload, workers, holder in
                let frozenAt = try await scene.now()
                let watch = Stopwatch()
                holder.freeze()
                let lost = try await scene.run("lost")
                #expect(lost.number("finished_ms") - frozenAt <= Self.lease + Self.slack + watch.grantedMilliseconds)
                let left = try #require(try await workload.left())
                try await workload.left(atMost: left - 1_000)
                try #require(try await workload.left() ?? 0 > 0, "the successor was through before the holder woke")
                holder.thaw()

                try await eventually("the holder knows that it has lost") { holder.log.contains("status=lost") }
                try await workload.left(atMost: 0)
                #expect(try await workload.events(of: lost["run"] ?? "", since: lost.id) == 0)
                try await workload.expectEachOnce(Self.count)
                try await Self.expectOthersWell(workers, without: holder)
                #expect(await holder.terminate() == 0)
            }
        }

        @Test("under an older fence than the current one: its very next write is refused", .timeLimit(.minutes(4)))
        func fenced() async throws {
            try await Self.withHolderInTheMiddle { scene, workload, _, holder in
                let lease = scene.keys.lease("stuck-jobs")
                _ = try await scene.send("HSET", lease, "fence", "7", "run", "stuck-jobs-7", "instance", "by-hand")
                // What was committed right before may have its events in the same millisecond.
                let after = "\(try await scene.now() + 1)-0"
                try await eventually("the holder was refused") {
                    holder.log.contains("fence 1 was refused, the current one is 7")
                }
                #expect(try await workload.events(of: "stuck-jobs-1", since: after) == 0)
                // The lease made by hand runs out like any other.
                try await workload.left(atMost: 0)
                try await workload.expectEachOnce(Self.count)
            }
        }

        @Test("told to end: it hands over, and another continues within a second", .timeLimit(.minutes(5)))
        func terminated() async throws {
            try await Self.withHolderInTheMiddle { scene, workload, workers, holder in
                let watch = Stopwatch()
                #expect(await holder.terminate() == 0)
                #expect(watch.elapsed < .seconds(5))

                let given = try await scene.run("cancelled")
                #expect(given["error"] == "handed over: the instance is shutting down")
                try await workload.left(atMost: 0)
                let next = try await scene.run("completed")
                #expect(next.number("started_ms") - given.number("finished_ms") <= 1_000 + watch.grantedMilliseconds)
                #expect(next.number("changed") + given.number("changed") == Int64(Self.count))
                #expect(try await scene.runs().allSatisfy { $0["status"] != "lost" })
                try await workload.expectEachOnce(Self.count)
                try await Self.expectOthersWell(workers, without: holder)
            }
        }

        /// Three workers on a long heartbeat, 60,000 jobs, and the moment in which one of them has begun.
        private static func withHolderInTheMiddle(
            _ body: (ProcessesScene, ProcessesWorkload, [WorkerProcess], WorkerProcess) async throws -> Void
        ) async throws {
            try await withProcesses { scene in
                let workload = ProcessesWorkload(scene: scene)
                try await workload.load(1...count)
                let configuration = try scene.configure(ProcessesScene.stuck())
                let workers = try (0..<3).map { _ in try scene.worker(configuration) }
                try await workload.left(atMost: count - 2_000)
                let holder = try await scene.holder(among: workers)
                for worker in workers { try await worker.ready() }
                try await body(scene, workload, workers, holder)
            }
        }

        private static func expectOthersWell(_ workers: [WorkerProcess], without holder: WorkerProcess) async throws {
            for worker in workers where worker !== holder {
                #expect(try worker.peakMemory() < 150 << 20)
                #expect(await worker.terminate() == 0)
            }
        }
    }
}
