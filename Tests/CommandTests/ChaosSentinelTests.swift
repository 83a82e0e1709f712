import Curfew
import Foundation
import Logging
import RedisClient
import TestNeeds
import TestSupport
import Testing

extension Chaos {
    @Suite("60,000 stuck jobs, and a failover by Sentinels", .tags(.processes))
    struct SentinelTests {
        private static let count = 60_000

        /// How the primary goes away.
        enum Loss: String, CaseIterable, Sendable {
            case killed, frozen
        }

        private func withSentinelProcesses(
            _ body: (RedisSentinels, ProcessesScene) async throws -> Void
        ) async throws {
            try await withSentinelsAndClient { group, redis in
                try await body(group, ProcessesScene(server: group.servers[0], redis: redis, url: group.url))
            }
        }

        @Test(
            "in the middle: work continues within 5 s of the new primary, each job is failed once and refunded once",
            .timeLimit(.minutes(5)), arguments: Loss.allCases)
        func failover(_ loss: Loss) async throws {
            try await withSentinelProcesses { group, scene in
                let workload = ProcessesWorkload(scene: scene)
                // On a busy machine the primary may be replaced while it is loaded, and what it was told be lost.
                try await eventually("all jobs are there, and at the replicas", within: .seconds(120)) {
                    try await workload.load(1...Self.count)
                    _ = try await scene.send("WAIT", "2", "30000")
                    return try await scene.send("ZCARD", "job:deadlines").integer == Int64(Self.count)
                }
                let workers = try await scene.workers(2, scene.configure(ProcessesScene.stuck()))
                try await workload.left(atMost: Self.count - 2_000)
                let old = try await group.primary(accordingTo: 0)
                if loss == .killed { await old.kill() } else { old.freeze() }

                let new = try await group.waitForAnother(than: old)
                let watch = Stopwatch()
                let left = try await group.send("ZCARD", "job:deadlines", to: new).integer ?? 0
                try #require(left > 0, "the holder was through before the primary was lost")
                try await eventually("work continues", every: .milliseconds(5)) {
                    try await group.send("ZCARD", "job:deadlines", to: new).integer ?? 0 < left
                }
                #expect(watch.elapsed < .seconds(5))
                if loss == .frozen { old.resume() }

                try await workload.left(atMost: 0)
                _ = try await scene.run("completed")
                // On a busy machine there may be one more failover, which must not take away what is counted here.
                _ = try await scene.send("SET", "all", "done")
                _ = try await scene.send("WAIT", loss == .killed ? "1" : "2", "30000")
                try await workload.expectEachOnce(Self.count)
                for worker in workers { #expect(await worker.terminate() == 0) }
            }
        }

        @Test("an unknown name: run ends with 3, doctor says so, a worker is not ready", .timeLimit(.minutes(4)))
        func unknownName() async throws {
            try await withSentinelProcesses { group, scene in
                let port = try freePort()
                var text = scene.configuration(ProcessesScene.stuck(), lease: "3s", heartbeat: "1s")
                text.replace("/\(RedisSentinels.name)/", with: "/other/")
                text += "\nhttp: {listen: \"127.0.0.1:\(port)\", admin-token: 7f3b9c0d2e4a68157f3b9c0d2e4a6816}\n"
                let configuration = try scene.write(text)
                let reason = "it has no primary named “other”"
                let ending = try await scene.curfew("run", "stuck-jobs", configuration: configuration)
                #expect(ending.code == 3)
                #expect(ending.output.contains("no Sentinel says where the primary is"))
                #expect(ending.output.contains(reason))
                let doctor = try await scene.curfew("doctor", configuration: configuration)
                #expect(doctor.code == 3)
                #expect(doctor.output.contains("127.0.0.1:\(group.sentinels[2].port): \(reason)"))
                let worker = try scene.worker(configuration)
                try await eventually("the worker misses its primary") { worker.log.contains(reason) }
                #expect(try await HTTPAnswer.to("http://127.0.0.1:\(port)/healthz").status == 200)
                #expect(try await HTTPAnswer.to("http://127.0.0.1:\(port)/readyz").status == 503)
                #expect(await worker.terminate() == 0)
            }
        }

        @Test("doctor looks at every Sentinel", .timeLimit(.minutes(4)))
        func doctor() async throws {
            try await withSentinelProcesses { group, scene in
                let configuration = try scene.configure(ProcessesScene.stuck())
                let primary = "127.0.0.1:\(scene.server.port)"
                let well = try await scene.curfew("doctor", configuration: configuration)
                #expect(well.output.contains("3 Sentinels name \(primary) as the primary of main and can replace it"))
                #expect(well.output.contains("\(primary) answers in"))
                #expect(well.output.contains("set min-replicas-to-write 1"))
                await group.sentinels[1].kill()
                await group.sentinels[2].kill()
                let ill = try await scene.curfew("doctor", configuration: configuration)
                #expect(ill.code == 0)
                #expect(ill.output.contains("127.0.0.1:\(group.sentinels[1].port): connection refused"))
                #expect(ill.output.contains("work continues, because the others name \(primary)"))
            }
        }
    }
}
