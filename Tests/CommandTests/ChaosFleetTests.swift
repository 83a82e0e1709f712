import Curfew
import Foundation
import RedisClient
import TestNeeds
import TestSupport
import Testing

extension Chaos {
    @Suite("a fleet whose instances look one after the other", .tags(.processes))
    struct FleetTests {
        private static let names = (1...12).map { "cleanup-\($0)" }

        /// Five workers with twelve cleanups, each of them due every second.
        private static func withFleet(
            _ body: (ProcessesScene, [WorkerProcess], _ configuration: String) async throws -> Void
        ) async throws {
            try await withProcesses { scene in
                let configuration = try scene.configure(cleanups(names), lease: "2s")
                let workers = try await scene.workers(5, configuration)
                try await expectRuns(scene)
                try await body(scene, workers, configuration)
            }
        }

        private static func cleanups(_ names: [String]) -> String {
            names.map { ProcessesScene.stuck($0, every: "1s", records: $0) }.joined()
        }

        /// Each cleanup is run again, and again.
        private static func expectRuns(_ scene: ProcessesScene) async throws {
            let since = try await scene.now()
            for name in names {
                try await eventually("runs of \(name)", within: .seconds(60)) {
                    try await scene.runs(of: name).count {
                        $0["status"] == "completed" && $0.number("started_ms") >= since
                    } >= 3
                }
            }
        }

        /// The runs of each cleanup, one after the other, with a fence each.
        private static func expectOneAtATime(_ scene: ProcessesScene) async throws {
            for name in names {
                let runs = try await scene.runs(of: name).filter { $0["status"] != "lost" }
                    .sorted { $0.number("fence") < $1.number("fence") }
                #expect(Set(runs.map { $0.number("fence") }).count == runs.count)
                for (earlier, later) in zip(runs, runs.dropFirst()) {
                    #expect(earlier.number("finished_ms") <= later.number("started_ms"), "\(name)")
                }
            }
        }

        @Test("the first ones frozen, another killed: those after them do the work", .timeLimit(.minutes(5)))
        func troubled() async throws {
            try await Self.withFleet { scene, workers, _ in
                for worker in workers.prefix(2) { worker.freeze() }
                await workers[2].crash()
                try await Self.expectRuns(scene)
                for worker in workers.prefix(2) { worker.thaw() }
                try await Self.expectRuns(scene)
                try await Self.expectOneAtATime(scene)
                for (place, worker) in workers.enumerated() where place != 2 { #expect(await worker.terminate() == 0) }
            }
        }

        @Test(
            "functions that are flushed again and again keep nothing from being run",
            .enabled(if: RedisServer.hasFunctions), .timeLimit(.minutes(5)))
        func functionFlush() async throws {
            try await Self.withFleet { scene, workers, _ in
                for _ in 1...20 {
                    _ = try await scene.send("FUNCTION", "FLUSH")
                    let before = try await scene.send("XLEN", scene.keys.runs).integer ?? 0
                    try await eventually("a run") {
                        try await scene.send("XLEN", scene.keys.runs).integer ?? 0 > before
                    }
                }
                try await Self.expectRuns(scene)
                try await Self.expectOneAtATime(scene)
                for worker in workers { #expect(await worker.terminate() == 0) }
            }
        }

        @Test("after FLUSHALL everything is told again, by one for all, and runs on", .timeLimit(.minutes(5)))
        func flushAll() async throws {
            try await Self.withFleet { scene, workers, _ in
                for _ in 1...3 {
                    _ = try await scene.send("FLUSHALL")
                    try await Self.expectRuns(scene)
                }
                try await Self.expectOneAtATime(scene)
                for worker in workers { #expect(await worker.terminate() == 0) }
            }
        }

        @Test("reloaded again and again under load, everything runs, and nothing twice", .timeLimit(.minutes(5)))
        func reload() async throws {
            try await Self.withFleet { scene, workers, configuration in
                for round in 1...4 {
                    let added = "added-\(round)"
                    try scene.configuration(Self.cleanups(Self.names + [added]), lease: "2s", heartbeat: "10s")
                        .write(toFile: configuration, atomically: true, encoding: .utf8)
                    for worker in workers { worker.signal(SIGHUP) }
                    _ = try await scene.run(of: added, "completed")
                }
                try await Self.expectRuns(scene)
                try await Self.expectOneAtATime(scene)
                for worker in workers { #expect(await worker.terminate() == 0) }
            }
        }
    }
}
