import Curfew
import RedisClient
import TestNeeds
import TestSupport
import Testing

extension Chaos {
    @Suite("a Redis that can't be used", .tags(.processes))
    struct TroubleTests {
        private static let name = "stuck-jobs"

        @Test("not there: run says where and ends with 3", .timeLimit(.minutes(4)))
        func unreachable() async throws {
            try await withProcesses { scene in
                let configuration = try scene.configure(ProcessesScene.stuck())
                await scene.server.kill()
                for arguments in [["run", Self.name], ["preview"], ["explain", Self.name, "1"], ["status"]] {
                    let ending = try await CurfewProgram.run(
                        arguments + ["--config", configuration], folder: scene.server.folder)
                    #expect(ending.code == 3)
                    #expect(ending.output.contains("Redis at 127.0.0.1:\(scene.server.port)"))
                    #expect(ending.output.contains("connection refused"))
                }
            }
        }

        @Test("gone in the middle of a run: it says so and ends with 3", .timeLimit(.minutes(4)))
        func gone() async throws {
            try await withProcesses { scene in
                let workload = ProcessesWorkload(scene: scene)
                try await workload.load(1...40_000)
                let configuration = try scene.configure(ProcessesScene.stuck(), lease: "2s")
                async let running = scene.curfew("run", Self.name, configuration: configuration)
                try await workload.left(atMost: 39_000)
                await scene.server.kill()
                let ending = try await running
                #expect(ending.code == 3)
                #expect(
                    ending.output.contains(
                        "the lease expired in the meantime: Redis at 127.0.0.1:\(scene.server.port)"))
            }
        }

        @Test("wrong password: run ends with 3; a worker keeps trying until it is right", .timeLimit(.minutes(4)))
        func password() async throws {
            try await withProcesses { scene in
                var text = scene.configuration(ProcessesScene.stuck(), lease: "3s", heartbeat: "1s")
                text.replace("redis://", with: "redis://:guessed@")
                let configuration = try scene.write(text)
                // Who is in stays in: this test's own client.
                _ = try await scene.send("CONFIG", "SET", "requirepass", "kept")

                let ending = try await scene.curfew("run", Self.name, configuration: configuration)
                #expect(ending.code == 3)
                #expect(ending.output.contains("signing in was refused (“WRONGPASS"))
                #expect(!ending.output.contains("guessed"), "the password is shown")

                let workers = try (0..<2).map { _ in try scene.worker(configuration) }
                try await eventually("the workers were refused") {
                    workers.allSatisfy { $0.log.contains("signing in was refused") }
                }
                _ = try await scene.send("CONFIG", "SET", "requirepass", "guessed")
                _ = try await scene.run("completed")
                for worker in workers { try await worker.ready() }
                // They hear each other too, although the server had refused to let them listen at first.
                try await eventually("both listen") {
                    try await scene.send("PUBSUB", "NUMSUB", scene.keys.wake)[1].integer == 2
                }
                for worker in workers { #expect(await worker.terminate() == 0) }
            }
        }

        @Test("a read-only replica: run ends with 3, preview works", .timeLimit(.minutes(4)))
        func replica() async throws {
            try await withProcesses { primary in
                try await ProcessesWorkload(scene: primary).load(1...10)
                try await withProcesses(arguments: ["--replicaof", "127.0.0.1", String(primary.server.port)]) { scene in
                    try await eventually("the replica has everything") {
                        try await scene.send("ZCARD", "job:deadlines").integer == 10
                    }
                    let configuration = try scene.configure(ProcessesScene.stuck())
                    let ending = try await scene.curfew("run", Self.name, configuration: configuration)
                    #expect(ending.code == 3)
                    #expect(ending.output.contains("READONLY You can't write against a read only replica"))
                    let preview = try await scene.curfew("preview", Self.name, configuration: configuration)
                    #expect(preview.code == 0)
                    #expect(preview.output.contains("Would clean up 10 of 10 stuck-jobs"))
                }
            }
        }

        @Test("out of memory: run ends with 3, nothing is half-done; a worker waits for room", .timeLimit(.minutes(4)))
        func outOfMemory() async throws {
            try await withProcesses(arguments: ["--maxmemory-policy", "noeviction"]) { scene in
                let workload = ProcessesWorkload(scene: scene)
                let configuration = try scene.configure(ProcessesScene.stuck())
                #expect(try await scene.curfew("run", Self.name, configuration: configuration).code == 0)
                try await workload.load(1...2_000)
                _ = try await scene.send("CONFIG", "SET", "maxmemory", "1mb")

                let ending = try await scene.curfew("run", Self.name, configuration: configuration)
                #expect(ending.code == 3)
                #expect(ending.output.contains("OOM command not allowed when used memory > 'maxmemory'"))
                #expect(try await workload.left() == 2_000)
                let events = try await scene.send("XRANGE", scene.keys.events, "-", "+").elements.map(StreamEntry.init)
                #expect(events.map { $0["action"] } == ["run", "run"], "who asked is noted, and nothing was changed")
                #expect(try await scene.run("failed")["error"]?.contains("OOM") == true)

                let worker = try scene.worker(configuration)
                try await eventually("a run of the worker has failed") {
                    try await scene.runs().contains {
                        worker.isInstance($0["instance"] ?? "") && $0["status"] == "failed"
                    }
                }
                _ = try await scene.send("CONFIG", "SET", "maxmemory", "0")
                try await workload.left(atMost: 0)
                try await workload.expectEachOnce(2_000)
                #expect(await worker.terminate() == 0)
            }
        }

        @Test("there only later: a worker waits for it, and works", .timeLimit(.minutes(4)))
        func later() async throws {
            try await withProcesses { scene in
                let configuration = try scene.configure(ProcessesScene.stuck())
                await scene.server.kill()
                let worker = try scene.worker(configuration)
                try await eventually("the worker misses Redis") { worker.log.contains("connection refused") }
                try await scene.server.restart()
                _ = try await eventually("a run") { try? await scene.run("completed") }
                await scene.server.kill()
                #expect(await worker.terminate() == 0, "without Redis it ends all the same")
            }
        }
    }
}
