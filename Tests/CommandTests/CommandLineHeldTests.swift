import Curfew
import Foundation
import RedisClient
import TestNeeds
import TestSupport
import Testing

extension CommandLineTests {
    /// A lease that somebody else holds is exit code 4, or is waited for.
    @Suite("a lease held elsewhere", .tags(.processes))
    struct Held {
        private func claim(_ engine: Engine) async throws -> (Claim, ServerClock) {
            let cleanup = try #require(engine.configuration.cleanup(named: "stuck-jobs"))
            let answer = try await engine.coordinator.claim(cleanup, trigger: "manual", isDryRun: false)
            guard case .claimed(let claim) = answer.outcome else {
                throw CurfewError(.held, "the lease could not be had: \(answer.outcome)")
            }
            return (claim, answer.clock)
        }

        private func release(_ engine: Engine, _ claim: Claim, _ clock: ServerClock) async throws -> RunResult {
            let cleanup = try #require(engine.configuration.cleanup(named: "stuck-jobs"))
            return await Run(engine: engine, cleanup: cleanup, claim: claim, clock: clock).execute()
        }

        @Test("a run whose lease is taken says by whom, ends with 4, and changes nothing")
        func held() async throws {
            try await withCommandLine { scene in
                try await scene.job("a", age: 600)
                let other = try scene.other("other-1")
                _ = try await claim(other)
                for arguments in [["run", "stuck-jobs"], ["run", "stuck-jobs", "--dry-run", "--json"]] {
                    let answer = try await CommandLineScene.curfew(
                        arguments + ["-c", scene.configuration], folder: scene.server.folder)
                    #expect(answer.code == 4 && answer.output.isEmpty)
                    let message = "curfew: stuck-jobs is already running on other-1 (stuck-jobs-1, lease until "
                    #expect(answer.errors.hasPrefix(message) && answer.errors.contains("use --wait to wait for it"))
                }
                #expect(try await scene.redis.send(RedisCommand("HGET", ["job:a", "status"])).string == "PROCESSING")
                // A preview needs no lease.
                #expect(try await scene.curfew("preview", "stuck-jobs").code == 0)
            }
        }

        @Test("with --wait it runs as soon as the other has ended")
        func waits() async throws {
            try await withCommandLine { scene in
                let other = try scene.other("other-1")
                let (first, clock) = try await claim(other)
                async let answer = scene.curfew("run", "stuck-jobs", "--wait", "--json")
                try await eventually("the command asks for the lease") {
                    let clients = try await scene.redis.send(RedisCommand("CLIENT", ["LIST"])).string ?? ""
                    return clients.split(separator: "\n").contains {
                        ($0.contains(" cmd=fcall ") || $0.contains(" cmd=evalsha ")) && !$0.contains(" cmd=client")
                    }
                }
                let result = try await release(other, first, clock)
                #expect(result.status == .completed)
                let ended = try await answer
                let run = try #require(try ended.object()["result"] as? [String: Any])
                #expect(ended.code == 0 && run["run"] as? String == "stuck-jobs-2")
                let runs = try await scene.redis.send(RedisCommand("XRANGE", [Keys(prefix: "curfew").runs, "-", "+"]))
                let entries = runs.elements.map(StreamEntry.init)
                #expect(entries.map { $0["run"] } == ["stuck-jobs-1", "stuck-jobs-2"])
                // They did not overlap.
                let ends = entries.compactMap { $0["finished_ms"].flatMap { Int64($0) } }
                let starts = entries.compactMap { $0["started_ms"].flatMap { Int64($0) } }
                #expect(ends[0] <= starts[1])
            }
        }

        @Test("with --wait it takes over from a holder that died, once its lease has run out")
        func takesOver() async throws {
            let settings = "worker: {lease: 500ms, heartbeat: 100ms}\n"
            try await withCommandLine(settings + CommandLineScene.cleanups) { scene in
                try await scene.job("a", age: 600)
                _ = try await claim(try scene.other("dead-1"))
                let answer = try await scene.curfew("run", "stuck-jobs", "--wait")
                #expect(answer.code == 0)
                let runs = try await scene.redis.send(RedisCommand("XRANGE", [Keys(prefix: "curfew").runs, "-", "+"]))
                #expect(runs.elements.map(StreamEntry.init).map { $0["status"] } == ["lost", "completed"])
            }
        }

        @Test("a paused cleanup isn't run by hand either, and the message says who paused it and why")
        func paused() async throws {
            try await withCommandLine { scene in
                try await Operations(engine: try scene.other("other-1")).pause(
                    "stuck-jobs", by: "ada", why: "the app\u{1B}[2J is being moved")
                let answer = try await scene.curfew("run", "stuck-jobs")
                #expect(answer.code == 4 && answer.output.isEmpty)
                #expect(answer.errors.hasPrefix("curfew: stuck-jobs was paused by ada at "))
                #expect(answer.errors.contains("is being moved") && !answer.errors.contains("\u{1B}"))
            }
        }
    }
}
