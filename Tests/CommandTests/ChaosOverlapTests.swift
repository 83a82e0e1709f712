import Curfew
import TestNeeds
import TestSupport
import Testing

extension Chaos {
    @Suite("five instances on one schedule", .tags(.processes))
    struct OverlapTests {
        /// Four short cleanups, and one that often takes longer than its second.
        private static let quick = ["quick-1", "quick-2", "quick-3", "quick-4"]
        private static let names = quick + ["slow"]

        @Test("never run a cleanup twice at once, and every occurrence once", .timeLimit(.minutes(5)))
        func noOverlap() async throws {
            try await withProcesses { scene in
                let cleanups = Self.names.map { name in
                    ProcessesScene.stuck(name, records: name, more: name == "slow" ? "limit: 12000" : "")
                }
                try await ProcessesWorkload(scene: scene, records: "slow").load(1...80_000)
                let configuration = try scene.configure(cleanups.joined())
                let workers = try await scene.workers(5, configuration)
                var loaded = 0
                try await eventually("eight runs of each", within: .seconds(60), every: .milliseconds(250)) {
                    for name in Self.quick {
                        try await ProcessesWorkload(scene: scene, records: name).load(loaded + 1...loaded + 20)
                    }
                    loaded += 20
                    for name in Self.names where try await scene.runs(of: name).count < 8 { return false }
                    return true
                }
                var instances: Set<String> = []
                for name in Self.names {
                    let runs = try await scene.runs(of: name).sorted { $0.number("fence") < $1.number("fence") }
                    Self.expectInOrder(runs)
                    instances.formUnion(runs.compactMap { $0["instance"] })
                }
                #expect(instances.count > 1, "the work was not shared")
                for worker in workers { #expect(await worker.terminate() == 0) }
            }
        }

        private static func expectInOrder(_ runs: [StreamEntry]) {
            #expect(runs.allSatisfy { $0["status"] == "completed" })
            for (earlier, later) in zip(runs, runs.dropFirst()) {
                #expect(earlier.number("fence") < later.number("fence"))
                #expect(earlier.number("finished_ms") <= later.number("started_ms"), "\(earlier) overlaps \(later)")
                let distance = later.number("due_ms") - earlier.number("due_ms")
                #expect(distance > 0 && distance % 1_000 == 0, "\(earlier) and \(later) are not a whole second apart")
            }
        }
    }
}
