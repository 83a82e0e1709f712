import Curfew
import Foundation
import Logging
import RedisClient
import TestNeeds
import TestSupport
import Testing

extension Chaos {
    @Suite("people and several processes", .tags(.processes))
    struct OperationTests {
        private static let name = "stuck-jobs"

        @Test("cancel stops the run of another process; the rest waits for the next", .timeLimit(.minutes(4)))
        func cancel() async throws {
            try await withProcesses { scene in
                let workload = ProcessesWorkload(scene: scene)
                try await workload.load(1...60_000)
                let configuration = try scene.configure(ProcessesScene.stuck(every: "1h"))
                let workers = try await scene.workers(2, configuration)
                try await workload.left(atMost: 58_000)
                let ending = try await scene.curfew("cancel", Self.name, configuration: configuration)
                #expect(ending.code == 0, "\(ending.output)")

                let run = try await scene.run("cancelled")
                #expect(run["error"]?.hasPrefix("cancelled by ") == true)
                #expect(run.number("changed") + Int64(try await workload.left() ?? 0) == 60_000)
                #expect(try await workload.left() ?? 0 > 0)
                let due = try await scene.send("ZSCORE", scene.keys.schedule, Self.name).double ?? 0
                #expect(Int64(due) > (try await scene.now()) + 3_000_000, "it is due in an hour")
                #expect(try await scene.curfew("cancel", Self.name, configuration: configuration).code == 1)
                for worker in workers { #expect(await worker.terminate() == 0) }
            }
        }

        @Test("pause keeps every process from running it, and resume lets it go on", .timeLimit(.minutes(4)))
        func pause() async throws {
            try await withProcesses { scene in
                let configuration = try scene.configure(
                    ProcessesScene.stuck() + ProcessesScene.stuck("others", records: "other"))
                let workers = try await scene.workers(2, configuration)
                _ = try await scene.run("completed")
                let pause = try await CurfewProgram.run(
                    ["pause", Self.name, "--why", "deploying", "--config", configuration], folder: scene.server.folder)
                #expect(pause.code == 0, "\(pause.output)")
                // A run that had been claimed before may still end.
                try await eventually("no run is under way") {
                    try await scene.send("EXISTS", scene.keys.lease(Self.name)).integer == 0
                }
                let runs = try await scene.runs().count
                let others = try await scene.runs(of: "others").count
                try await eventually("the others go on") { try await scene.runs(of: "others").count >= others + 3 }
                #expect(try await scene.runs().count == runs)
                let ending = try await scene.curfew("run", Self.name, configuration: configuration)
                #expect(ending.code == 4)
                #expect(ending.output.contains("deploying"))

                #expect(try await scene.curfew("resume", Self.name, configuration: configuration).code == 0)
                try await eventually("it runs again") { try await scene.runs().count > runs }
                for worker in workers { #expect(await worker.terminate() == 0) }
            }
        }

        @Test("two instances with different configurations: both work, and status says so", .timeLimit(.minutes(4)))
        func differentConfigurations() async throws {
            try await withProcesses { scene in
                let one = try scene.configure(ProcessesScene.stuck("of-one", records: "one"))
                let other = try scene.configure(ProcessesScene.stuck("of-other", records: "other"))
                try await ProcessesWorkload(scene: scene, records: "one").load(1...10)
                let workers = [try scene.worker(one), try scene.worker(other)]
                let first = try await scene.run(of: "of-one", "completed")
                let second = try await scene.run(of: "of-other", "completed")
                #expect(workers[0].isInstance(first["instance"] ?? ""))
                #expect(workers[1].isInstance(second["instance"] ?? ""))
                #expect(try await ProcessesWorkload(scene: scene, records: "one").left() == 0)

                let status = try await scene.curfew("status", "--json", configuration: one)
                #expect(status.code == 0)
                #expect(status.output.contains("instances run different configurations"))
                for worker in workers { #expect(await worker.terminate() == 0) }
                let later = try await scene.curfew("status", "--json", configuration: one)
                #expect(later.output.contains("no instance is alive"))
            }
        }

        /// How a worker with a Redis of its own ends.
        enum End: String, CaseIterable, Sendable { case terminated, killed }

        @Test("work --embedded leaves no redis-server behind", .timeLimit(.minutes(4)), arguments: End.allCases)
        func embedded(_ end: End) async throws {
            try await withProcesses { scene in
                let worker = try WorkerProcess(
                    configuration: try scene.configure(ProcessesScene.stuck()), folder: scene.server.folder,
                    arguments: ["--embedded"])
                try await worker.ready()
                let word = worker.log.split(whereSeparator: \.isWhitespace).first { $0.hasSuffix("redis.sock") }
                let socket = String(try #require(word))
                let server = try await Self.processIdentifier(of: socket, scene)
                #expect(kill(server, 0) == 0)
                switch end {
                case .terminated: #expect(await worker.terminate() == 0)
                case .killed: await worker.crash()
                }
                try await eventually("its redis-server is gone") { kill(server, 0) != 0 }
                let folder = URL(fileURLWithPath: socket).deletingLastPathComponent().path
                try await eventually("its folder is gone") {
                    !FileManager.default.fileExists(atPath: folder)
                }
            }
        }

        private static func processIdentifier(of socket: String, _ scene: ProcessesScene) async throws -> pid_t {
            var configuration = scene.redis.configuration
            configuration.address = .unixSocket(path: socket)
            return try await RedisClient.withClient(configuration, logger: Logger(label: "test")) { redis in
                let text = try await redis.send(RedisCommand("INFO", ["server"])).infoField("process_id")
                return try #require(text.flatMap { pid_t($0) })
            }
        }
    }
}
