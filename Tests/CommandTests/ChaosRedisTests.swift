import Curfew
import RedisClient
import TestNeeds
import TestSupport
import Testing

extension Chaos {
    @Suite("60,000 stuck jobs, and Redis in trouble", .tags(.processes))
    struct RedisTests {
        private static let count = 60_000

        /// How long Redis stays away.
        enum Outage: String, CaseIterable, Sendable {
            case short, longerThanTheLease

            /// Long enough for a slow machine, or shorter than the outage.
            var lease: String { self == .short ? "30s" : "3s" }
        }

        @Test("killed and started again with its append-only file", .timeLimit(.minutes(5)), arguments: Outage.allCases)
        func restarted(_ outage: Outage) async throws {
            try await withProcesses(arguments: ["--appendonly", "yes"]) { scene in
                let workload = ProcessesWorkload(scene: scene)
                try await workload.load(1...Self.count)
                let workers = try await scene.workers(3, scene.configure(ProcessesScene.stuck(), lease: outage.lease))
                let left = try await workload.left(atMost: Self.count - 2_000)
                await scene.server.kill()
                try #require(left > Self.count / 4, "the holder was nearly through before Redis was killed")
                if outage == .longerThanTheLease {
                    // A worker waits five seconds for a lost connection before it complains.
                    try await eventually("the workers miss Redis") {
                        workers.allSatisfy { $0.log.contains("connection refused") }
                    }
                }
                try await scene.server.restart()
                try await workload.left(atMost: 0)
                let whole = try await scene.run("completed")
                // A lease that ran out while nobody could reach Redis may be claimed once in vain, by an attempt that was
                // sent before the outage and answered after it.
                #expect(outage == .short ? whole.number("fence") == 1 : (2...3).contains(whole.number("fence")))
                try await workload.expectEachOnce(Self.count)
                for worker in workers { #expect(await worker.terminate() == 0) }
            }
        }

        @Test("cutting every connection again and again: nothing twice, counts right", .timeLimit(.minutes(5)))
        func cut() async throws {
            try await withProcesses { scene in
                let workload = ProcessesWorkload(scene: scene)
                try await workload.load(1...Self.count)
                let workers = try await scene.workers(2, scene.configure(ProcessesScene.stuck()))
                for limit in stride(from: Self.count - 2_000, to: 0, by: -4_000) {
                    try await workload.left(atMost: limit)
                    _ = try await scene.send("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
                    _ = try await scene.send("CLIENT", "KILL", "TYPE", "pubsub")
                }
                try await workload.left(atMost: 0)
                let run = try await scene.run("completed")
                #expect(run.number("changed") == Int64(Self.count))
                #expect(run.number("refunded") == Int64(ProcessesWorkload.cost(of: Self.count)))
                try await workload.expectEachOnce(Self.count)
                for worker in workers { #expect(await worker.terminate() == 0) }
            }
        }
    }
}
