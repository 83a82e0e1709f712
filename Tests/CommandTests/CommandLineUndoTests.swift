import Curfew
import Foundation
import RedisClient
import TestNeeds
import TestSupport
import Testing

extension CommandLineTests {
    /// What was done can be looked at before, planned, refused, and put back after.
    @Suite("undo, guard and plans", .tags(.processes))
    struct Undoing {
        private func status(_ id: String, _ scene: CommandLineScene) async throws -> String? {
            try await scene.redis.send(RedisCommand("HGET", ["job:\(id)", "status"])).string
        }

        private func lock(_ id: String, _ scene: CommandLineScene) async throws {
            _ = try await scene.redis.send(RedisCommand("HSET", ["lock:\(id)", "at", "1700000000"]))
            _ = try await scene.redis.send(RedisCommand("ZADD", ["locks", "1", id]))
        }

        @Test("a run is undone with its name; the next run is announced, unless the cleanup is paused")
        func undo() async throws {
            try await withCommandLine { scene in
                try await scene.job("a", age: 600)
                try await scene.job("b", age: 600)
                #expect(try await scene.curfew("run", "stuck-jobs").code == 0)
                _ = try await scene.redis.send(RedisCommand("HSET", ["job:b", "status", "CLOSED"]))
                let undone = try await scene.curfew("undo", "stuck-jobs-1")
                #expect(undone.code == 0)
                let head =
                    "Put back 1 of 2 records that stuck-jobs-1 changed and took back 10 tokens (1 left as they are)\n"
                #expect(undone.output.hasPrefix(head), "\(undone.output)")
                #expect(undone.output.contains("changed since: status is no longer “FAILED”"))
                #expect(
                    undone.errors.contains(
                        "will make these changes again unless you first run “curfew pause stuck-jobs --why …”"))
                #expect(try await status("a", scene) == "PROCESSING")

                #expect(try await scene.curfew("pause", "stuck-jobs", "--why", "test").code == 0)
                let again = try await scene.curfew("undo", "stuck-jobs-1", "--json")
                #expect(again.code == 0 && again.errors.isEmpty)
                let result = try #require(try again.object()["result"] as? [String: Any])
                #expect(result["trigger"] as? String == "undo" && result["undoes"] as? String == "stuck-jobs-1")
                #expect(result["cleanedUp"] as? Int == 0 && (result["left"] as? [Any])?.count == 2)
            }
        }

        @Test("what can't be undone ends with 2 and says why; a lease held elsewhere with 4")
        func refused() async throws {
            try await withCommandLine { scene in
                try await scene.job("a", age: 600)
                #expect(try await scene.curfew("run", "stuck-jobs").code == 0)
                #expect(try await scene.curfew("undo", "stuck-jobs-1").code == 0)
                let second = try await scene.curfew("undo", "stuck-jobs-2")
                #expect(second.code == 2 && second.output.isEmpty)
                #expect(second.errors.hasPrefix("curfew: stuck-jobs-2 is an undo itself, which can't be undone"))
                let unknown = try await scene.curfew("undo", "nothing-1")
                #expect(
                    unknown.code == 2 && unknown.errors.contains("“nothing-1” in the history, which is kept for 30d"))
                let other = try scene.other("other-1")
                let cleanup = try #require(other.configuration.cleanup(named: "stuck-jobs"))
                _ = try await other.coordinator.claim(cleanup, trigger: "manual", isDryRun: false)
                let held = try await scene.curfew("undo", "stuck-jobs-1")
                #expect(held.code == 4 && held.errors.contains("is already running on other-1"))
            }
        }

        @Test("a run that its guard refuses ends with 1 and says what to do; with --override-guard it goes through")
        func guardRefuses() async throws {
            try await withCommandLine(Self.replacing(locks: "guard: {share: 25%, beyond: 1}")) { scene in
                for id in ["a", "b", "c"] { try await lock(id, scene) }
                let refused = try await scene.curfew("run", "old-locks")
                #expect(refused.code == 1)
                let message =
                    "old-locks refused: would remove 3 of 3 tracked (100 %), more than guard: share 25%, beyond 1; "
                    + "preview it, then run with --override-guard. Cleaned up 0 of 3 old-locks\n"
                #expect(refused.output.hasPrefix(message), "\(refused.output)")
                #expect(
                    try await scene.redis.send(RedisCommand("EXISTS", ["lock:a", "lock:b", "lock:c"])).integer == 3)
                #expect(try await scene.curfew("run", "old-locks", "--dry-run").code == 0)
                let through = try await scene.curfew("run", "old-locks", "--override-guard")
                #expect(through.code == 0 && through.output.hasPrefix("Cleaned up 3 of 3 old-locks"))
                let events = try await scene.curfew("events", "--json").output
                #expect(events.contains("guard overridden by \(NSUserName())@"))
            }
        }

        private static func replacing(locks addition: String) -> String {
            CommandLineScene.cleanups.replacing("timeout: 3h}", with: "timeout: 3h, \(addition)}")
        }

        @Test("a plan is written by a preview and carried out by a run, and only what it says")
        func plan() async throws {
            try await withCommandLine { scene in
                try await scene.job("a", age: 600)
                let file = "\(scene.server.folder)/plan.json"
                let preview = try await scene.curfew("preview", "stuck-jobs", "--out", file)
                #expect(preview.code == 0 && preview.output.hasPrefix("Would clean up 1 of 1"))
                #expect(
                    preview.errors.contains(
                        "\(file) plans 1 change; “curfew run stuck-jobs --plan \(file)” runs it"))
                let plan = try #require(
                    try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: file)))
                        as? [String: Any])
                #expect(plan["version"] as? Int == 1 && plan["cleanup"] as? String == "stuck-jobs")
                #expect((plan["digest"] as? String)?.count == 64)
                try await scene.job("b", age: 600)

                let run = try await scene.curfew("run", "stuck-jobs", "--plan", file)
                #expect(run.code == 0 && run.output.hasPrefix("Cleaned up 1 of 1 stuck-jobs"))
                #expect(try await status("b", scene) == "PROCESSING")
                let second = try await scene.curfew("run", "stuck-jobs", "--plan", file)
                #expect(
                    second.code == 0
                        && second.output.contains("changed since the plan; status is FAILED, which is final"))
            }
        }

        @Test("a plan that isn't right ends with 2 before anything is claimed")
        func wrongPlans() async throws {
            try await withCommandLine { scene in
                try await scene.job("a", age: 600)
                let file = "\(scene.server.folder)/plan.json"
                #expect(try await scene.curfew("preview", "stuck-jobs", "--out", file).code == 0)
                let text = try String(contentsOfFile: file, encoding: .utf8)
                for (content, name, says) in [
                    (text, "old-locks", "is a plan for stuck-jobs: expected one for old-locks"),
                    (text.replacing("\"total\":1", with: "\"total\":2"), "stuck-jobs", "was altered since it was made"),
                    (text.replacing("\"version\":1", with: "\"version\":9"), "stuck-jobs", "is a plan of version 9"),
                    ("no plan", "stuck-jobs", "is no plan"),
                ] {
                    try content.write(toFile: file, atomically: true, encoding: .utf8)
                    let answer = try await scene.curfew("run", name, "--plan", file)
                    #expect(answer.code == 2 && answer.errors.hasPrefix("curfew: \(file): \(says)"), "\(answer.errors)")
                }
                let missing = try await scene.curfew("run", "stuck-jobs", "--plan", file + ".none")
                #expect(missing.code == 2 && missing.errors.contains("the plan can't be read"))
                for arguments in [
                    ["preview", "--out", file], ["preview", "stuck-jobs", "--at", "2h", "--out", file],
                    ["run", "stuck-jobs", "--plan", file, "--timeout", "1m"],
                ] {
                    let answer = try await CommandLineScene.curfew(
                        arguments + ["-c", scene.configuration], folder: scene.server.folder)
                    #expect(answer.code == 2)
                }
                let runs = try await scene.redis.send(RedisCommand("XLEN", [Keys(prefix: "curfew").runs]))
                #expect(runs.integer == 0)
                #expect(try await status("a", scene) == "PROCESSING")
            }
        }
    }
}
