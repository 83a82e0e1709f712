import Curfew
import Foundation
import RedisClient
import TestNeeds
import TestSupport
import Testing

extension Chaos {
    @Suite("a configuration that changes while processes run", .tags(.processes))
    struct ReloadTests {
        private static func write(_ text: String, to path: String) throws {
            try text.write(toFile: path, atomically: true, encoding: .utf8)
        }

        @Test("with SIGHUP a new cleanup runs, and the run in the middle ends as it began", .timeLimit(.minutes(4)))
        func added() async throws {
            try await withProcesses { scene in
                let workload = ProcessesWorkload(scene: scene)
                try await workload.load(1...20_000)
                let path = try scene.configure(ProcessesScene.stuck(every: "1h", more: "page: 20"))
                let worker = try scene.worker(path)
                try await workload.left(atMost: 19_900)
                let others = ProcessesScene.stuck("others", records: "other")
                let changed = ProcessesScene.stuck(every: "2h").replacing("to: FAILED", with: "to: GONE")
                try Self.write(scene.configuration(changed + others, lease: "3s", heartbeat: "1s"), to: path)
                worker.signal(SIGHUP)
                _ = try await scene.run(of: "others", "completed")
                let run = try await scene.run("completed")
                #expect(run.number("changed") == 20_000)
                #expect(try await scene.runs().count == 1)
                try await workload.expectEachOnce(20_000)
                #expect(worker.log.contains("configuration reloaded"))
                #expect(await worker.terminate() == 0)
            }
        }

        @Test("a file that is wrong is refused with its lines, and the one before goes on", .timeLimit(.minutes(4)))
        func wrong() async throws {
            try await withProcesses { scene in
                let path = try scene.configure(ProcessesScene.stuck())
                let good = try String(contentsOfFile: path, encoding: .utf8)
                let worker = try scene.worker(path)
                try await worker.ready()
                let bad = good.replacing("timeout: 5m", with: "timeot: 5m").replacing("every: 1s", with: "every: soon")
                try Self.write(bad + ProcessesScene.stuck("others", records: "other"), to: path)
                worker.signal(SIGHUP)
                try await eventually("it is refused") { worker.log.contains("the configuration was not reloaded") }
                let runs = try await scene.runs().count
                try await eventually("it goes on") { try await scene.runs().count > runs + 2 }
                #expect(worker.log.contains("\(path):6: cleanups.stuck-jobs.every: "))
                #expect(worker.log.contains("\(path):11: cleanups.stuck-jobs.timeot: unknown key"), "\(worker.log)")
                #expect(try await scene.runs(of: "others").isEmpty)

                try FileManager.default.removeItem(atPath: path)
                worker.signal(SIGHUP)
                try await eventually("it is missed") { worker.log.contains("\(path): cannot be read") }

                // Put right, it is taken.
                try Self.write(good + ProcessesScene.stuck("others", records: "other"), to: path)
                worker.signal(SIGHUP)
                _ = try await scene.run(of: "others", "completed")
                #expect(await worker.terminate() == 0)
            }
        }

        @Test("what needs a restart is refused as a whole, and named", .timeLimit(.minutes(4)))
        func restart() async throws {
            try await withProcesses { scene in
                let path = try scene.configure(ProcessesScene.stuck())
                let good = try String(contentsOfFile: path, encoding: .utf8)
                let worker = try scene.worker(path)
                try await worker.ready()
                let other = good.replacing("/0\n", with: "/1\nprefix: other\nhttp: {}\n")
                try Self.write(other + ProcessesScene.stuck("others", records: "other"), to: path)
                worker.signal(SIGHUP)
                try await eventually("it is refused") {
                    worker.log.contains("\(path): redis, prefix, http can't be changed without a restart")
                }
                let runs = try await scene.runs().count
                try await eventually("it goes on") { try await scene.runs().count > runs + 2 }
                #expect(try await scene.send("ZSCORE", scene.keys.schedule, "others").isNull)
                #expect(await worker.terminate() == 0)
            }
        }

        @Test("tokens and names of routes change too, in a worker and in a server alone", .timeLimit(.minutes(4)))
        func access() async throws {
            try await withProcesses { scene in
                for command in ["work", "serve"] {
                    func text(_ token: String, _ name: String) -> String {
                        scene.configuration(ProcessesScene.stuck(every: "1h"), lease: "3s", heartbeat: "1s")
                            + "http: {listen: 127.0.0.1:0, admin-token: \(token)}\nroutes: {\(name): stuck-jobs}\n"
                    }
                    let path = try scene.write(text("first-token-0123", "one"))
                    let process = try WorkerProcess(command, configuration: path, folder: scene.server.folder)
                    let address = try await process.address()
                    func status(_ token: String, _ name: String) async throws -> Int {
                        try await HTTPAnswer.to("\(address)/api/cron/\(name)", token: token).status
                    }
                    #expect(try await status("first-token-0123", "one") == 200)
                    #expect(try await status("first-token-0123", "two") == 404)
                    try Self.write(text("second-token-0123", "two"), to: path)
                    process.signal(SIGHUP)
                    try await eventually("the new token counts") { try await status("second-token-0123", "two") == 200 }
                    #expect(try await status("first-token-0123", "two") == 401)
                    #expect(try await status("second-token-0123", "one") == 404)
                    #expect(!process.log.contains("-token-0123"))
                    #expect(await process.terminate() == 0)
                }
            }
        }
    }
}
