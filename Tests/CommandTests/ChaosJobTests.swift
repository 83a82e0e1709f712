import Curfew
import Foundation
import NIOHTTP1
import TestNeeds
import TestSupport
import Testing

extension Chaos {
    @Suite("a job that nobody waits for, and its instance in trouble", .tags(.processes))
    struct JobTests {
        private static let count = 60_000
        private static let admin = "admin-token-0123456789"

        /// Two workers with HTTP, 60,000 jobs, and the moment in which the first worker handles them for a caller.
        private static func withJobInTheMiddle(
            _ body: (ProcessesScene, ProcessesWorkload, [WorkerProcess], [String], String) async throws -> Void
        ) async throws {
            try await withProcesses { scene in
                let text = scene.configuration(
                    ProcessesScene.stuck(every: "1h")
                        + "  old-locks: {policy: locks, every: 1h, records: \"lock:<id>\", timeout: 3h}\n",
                    lease: "3s", heartbeat: "1s")
                let path = try scene.write("\(text)http: {listen: 127.0.0.1:0, admin-token: \(admin)}\n")
                let workers = try await scene.workers(2, path)
                var addresses: [String] = []
                for worker in workers { addresses.append(try await worker.address()) }
                // Those of the first schedule have nothing to do.
                for cleanup in ["stuck-jobs", "old-locks"] { _ = try await scene.run(of: cleanup, "completed") }
                let workload = ProcessesWorkload(scene: scene)
                try await workload.load(1...count)
                let begun = try await HTTPAnswer.to(
                    .POST, "\(addresses[0])/api/jobs/run?wait=false&job_type=cleanup", token: admin)
                let id = try #require(try begun.json["id"] as? String, "\(begun.text)")
                try await workload.left(atMost: count - 2_000)
                try await body(scene, workload, workers, addresses, id)
            }
        }

        //  first worker               redis                      second worker
        //  POST …?wait=false          group:<id>, trusted for 3 s
        //  commit, commit, …          jobs failed, refunded
        //  killed                     lease runs out ──────────► claims the cleanup, ends it
        //                             trust runs out  ─────────► GET: lost
        @Test("killed in the middle: the job is lost, its cleanup is taken over", .timeLimit(.minutes(5)))
        func killed() async throws {
            try await Self.withJobInTheMiddle { scene, workload, workers, addresses, id in
                let job = "\(addresses[1])/api/jobs/\(id)"
                let before = try await HTTPAnswer.to(job, token: Self.admin).json
                #expect(before["status"] as? String == "running" && (before["progress"] as? Int ?? 0) < 90)
                await workers[0].crash()
                let lost = try await eventually("the job is lost") {
                    let json = try await HTTPAnswer.to(job, token: Self.admin).json
                    return json["status"] as? String == "running" ? nil : json
                }
                #expect(lost["status"] as? String == "lost" && lost["result"] == nil, "\(lost)")
                #expect(workers[0].isInstance(lost["instance"] as? String ?? ""))
                try await workload.left(atMost: 0)
                try await workload.expectEachOnce(Self.count)
                // The rest isn't run for a caller who may have asked again.
                #expect(try await scene.runs(of: "old-locks").count == 1)
                #expect(await workers[1].terminate() == 0)
            }
        }

        @Test("told to end: it says so, and another worker continues its cleanup", .timeLimit(.minutes(5)))
        func terminated() async throws {
            try await Self.withJobInTheMiddle { scene, workload, workers, addresses, id in
                #expect(await workers[0].terminate() == 0)
                let ended = try await HTTPAnswer.to("\(addresses[1])/api/jobs/\(id)", token: Self.admin).json
                #expect(ended["status"] as? String == "cancelled", "\(ended)")
                #expect(ended["error"] as? String == "the instance is shutting down")
                try await workload.left(atMost: 0)
                try await workload.expectEachOnce(Self.count)
                #expect(await workers[1].terminate() == 0)
            }
        }
    }
}
