import Curfew
import Foundation
import RedisClient
import TestNeeds
import TestSupport
import Testing

extension CommandLineTests {
    /// One record's story, and what is wrong at a glance.
    @Suite("records and their stories", .tags(.processes))
    struct Records {
        @Test("explain tells what happened to a record across runs, of one cleanup or of all, also after it is gone")
        func story() async throws {
            try await withCommandLine { scene in
                try await scene.job("a", age: 600)
                try await scene.job("b", age: 600)
                #expect(try await scene.curfew("run", "stuck-jobs").code == 0)
                #expect(try await scene.curfew("undo", "stuck-jobs-1", "--record", "a").code == 0)
                for words in [["stuck-jobs", "a"], ["a"], ["job:a"]] {
                    let answer = try await CommandLineScene.curfew(
                        ["explain"] + words + ["--config", scene.configuration], folder: scene.server.folder)
                    #expect(answer.code == 0, "\(answer)")
                    let rows = answer.output.split(separator: "\n").filter { $0.contains("stuck-jobs-") }
                    #expect(rows.count == 2, "\(answer.output)")
                    #expect(rows.first?.contains("undo of stuck-jobs-1: fail") == true)
                    #expect(rows.last?.contains("stuck-jobs-2") == true, "who undid it: \(rows)")
                    #expect(answer.output.contains("job:a  under stuck-jobs"))
                }
                #expect(try await scene.redis.send(RedisCommand("HGET", ["job:b", "status"])).string == "FAILED")
                _ = try await scene.redis.send(RedisCommand("DEL", ["job:b"]))
                _ = try await scene.redis.send(RedisCommand("ZREM", ["jobs:deadlines", "b"]))
                let gone = try await scene.curfew("explain", "b", "--json").object()
                #expect((gone["now"] as? [Any])?.isEmpty == true)
                let items = try #require(gone["items"] as? [[String: Any]])
                #expect(items.map { $0["action"] as? String } == ["fail"] && items[0]["tokens"] as? Int == 10)
                let unknown = try await scene.curfew("explain", "nothing")
                #expect(
                    unknown.code == 2 && unknown.errors.contains("there is no record “nothing”, and no event of it"))
                #expect(try await scene.curfew("explain", "none", "a").code == 2)
            }
        }

        @Test("of a run one record's change alone is undone; a record that the run didn't change ends with 2")
        func undo() async throws {
            try await withCommandLine { scene in
                try await scene.job("a", age: 600)
                try await scene.job("b", age: 600)
                #expect(try await scene.curfew("run", "stuck-jobs").code == 0)
                let undone = try await scene.curfew("undo", "stuck-jobs-1", "--record", "b")
                #expect(undone.output.hasPrefix("Put back 1 of 1 records that stuck-jobs-1 changed"), "\(undone)")
                #expect(try await scene.redis.send(RedisCommand("HGET", ["job:a", "status"])).string == "FAILED")
                #expect(try await scene.redis.send(RedisCommand("HGET", ["job:b", "status"])).string == "PROCESSING")
                let history = try #require(try await scene.curfew("history", "--json").json() as? [[String: Any]])
                #expect(history[0]["undoes"] as? String == "stuck-jobs-1" && history[0]["record"] as? String == "b")
                let other = try await scene.curfew("undo", "stuck-jobs-1", "--record", "c")
                #expect(other.code == 2 && other.errors.contains("there is no change of “c” by stuck-jobs-1"))
            }
        }

        @Test("lists as JSON have camelCase and numbers, and the texts of the streams beside them")
        func typed() async throws {
            try await withCommandLine(
                CommandLineScene.cleanups + "\nalerts:\n  many: {cleanup: stuck-jobs, metric: found, above: 0}"
            ) { scene in
                try await scene.job("a", age: 600)
                #expect(try await scene.curfew("run", "stuck-jobs").code == 0)
                let run = try #require(try await scene.curfew("history", "--json").json() as? [[String: Any]])[0]
                #expect(
                    run["changed"] as? Int == 1 && run["dryRun"] as? Bool == false && run["dry_run"] as? String == "0")
                #expect(run["startedMs"] is Int && run["started_ms"] is String)
                #expect((run["startedAt"] as? String)?.hasSuffix("Z") == true)
                let event = try #require(
                    try await scene.curfew("events", "--record", "a", "--json").json() as? [[String: Any]])
                #expect(event[0]["tokens"] as? Int == 10 && event[0]["atMs"] is Int && event[0]["at_ms"] is String)
                let alerts = try #require(try await scene.curfew("alerts", "--json").json() as? [[String: Any]])
                #expect(alerts.first?["value"] as? Int == 1 && alerts.first?["sinceMs"] is Int)
                let text = try await scene.curfew("alerts").output
                #expect(text.hasPrefix("AT") && text.contains("firing"))
            }
        }

        @Test("status says how the last runs ended, how many failed in a row, and what needs attention")
        func status() async throws {
            try await withCommandLine { scene in
                _ = try await scene.redis.send(RedisCommand("SET", ["locks", "text"]))
                for _ in 0..<3 { #expect(try await scene.curfew("run", "old-locks").code == 1) }
                #expect(try await scene.curfew("run", "stuck-jobs").code == 0)
                let text = try await scene.curfew("status").output
                #expect(text.contains("The last run of old-locks failed, 3 in a row: "), "\(text)")
                let row = try #require(text.split(separator: "\n").first { $0.hasPrefix("old-locks ") })
                #expect(row.contains("failed") && row.contains("3 in a row"))
                let head = try #require(text.split(separator: "\n").first)
                let lines = text.split(separator: "\n").filter { $0.hasPrefix("! ") }
                #expect(head == "\(lines.count) things need attention.", "\(text)")
                let answer = try await scene.curfew("status", "--json").object()
                let cleanups = try #require(answer["cleanups"] as? [[String: Any]])
                let last = try #require(cleanups[1]["lastRun"] as? [String: Any])
                #expect(last["status"] as? String == "failed" && last["failuresInARow"] as? Int == 3)
                #expect((answer["concerns"] as? [Any])?.count == lines.count)
            }
        }

        @Test("arguments that are wrong say what is expected, and a misspelt command what was meant")
        func arguments() async throws {
            try await withCommandLine { scene in
                for (words, text) in [
                    ("run stuck-jobs --timeout 10", "it has no unit, write 10s, 10m or 10h"),
                    ("preview stuck-jobs --at soon", "expected a duration like 30s, 10m or 2h"),
                    ("watch --interval 5", "write 5s, 5m or 5h"), ("event", "Did you mean “curfew events”?"),
                ] {
                    let answer = try await CommandLineScene.curfew(
                        words.split(separator: " ").map(String.init), folder: scene.server.folder)
                    #expect(answer.code == 2 && answer.errors.contains(text), "\(words): \(answer.errors)")
                }
                let file = "\(scene.server.folder)/wrong.yaml"
                try "redis: \(scene.server.url)\ncleanups:\n  a: {polcy: locks, every: 1h, records: \"x:<id>\"}\n"
                    .write(toFile: file, atomically: true, encoding: .utf8)
                let answer = try await CommandLineScene.curfew(
                    ["config", "check", "--config", file], folder: scene.server.folder)
                #expect(answer.code == 2 && answer.errors.contains("polcy: unknown key, did you mean “policy”?"))
                #expect(answer.errors.contains("policy: missing"))
            }
        }

        @Test("a preview lists the oldest first, with the types of records")
        func preview() async throws {
            let cleanups = CommandLineScene.cleanups.replacing(
                "timeout: 5m", with: "timeout: 5m\n    timeouts: {by: tier, FAST: 1m}")
            try await withCommandLine(cleanups) { scene in
                try await scene.job("young", age: 400, ["tier": "FAST"])
                try await scene.job("oldest", age: 4_000, ["tier": "SLOW"])
                try await scene.job("old", age: 900, ["tier": "FAST"])
                let lines = try await scene.curfew("preview", "stuck-jobs").output.split(separator: "\n")
                #expect(lines.contains { $0.hasPrefix("RECORD") && $0.contains("TYPE") })
                let order = lines.compactMap { line in ["oldest", "young", "old"].first { line.hasPrefix("\($0) ") } }
                #expect(order == ["oldest", "old", "young"], "\(lines)")
            }
        }
    }
}
