import Curfew
import Foundation
import RedisClient
import TestNeeds
import TestSupport
import Testing

extension CommandLineTests {
    /// Several cleanups by one command: one after the other, one answer, one exit code.
    @Suite("several cleanups", .tags(.processes))
    struct Groups {
        private static let cleanups =
            CommandLineScene.cleanups + """

                  off: {policy: locks, every: 30m, records: "off:<id>", since: [at], timeout: 3h, enabled: false}
                routes: {night: [old-locks, stuck-jobs], one: [old-locks]}
                """

        private func cleanups(of answer: CommandLineScene.Answer) throws -> [String?] {
            let results = try #require(try answer.object()["results"] as? [[String: Any]])
            return results.map { $0["cleanup"] as? String }
        }

        @Test(
            "they run in the order given, of the route or of the file, and what is disabled runs only if it is named",
            arguments: [
                (["old-locks", "stuck-jobs"], ["old-locks", "stuck-jobs"]), (["--all"], ["stuck-jobs", "old-locks"]),
                (["--route", "night"], ["old-locks", "stuck-jobs"]), (["--route", "one"], ["old-locks"]),
                (["--route", "cleanup"], ["stuck-jobs", "old-locks"]), (["--route", "cleanup-jobs"], ["stuck-jobs"]),
                (["off", "stuck-jobs"], ["off", "stuck-jobs"]),
            ])
        func order(_ words: [String], _ expected: [String]) async throws {
            try await withCommandLine(Self.cleanups) { scene in
                let answer = try await CommandLineScene.curfew(
                    ["run"] + words + ["--json", "--config", scene.configuration], folder: scene.server.folder)
                #expect(answer.code == 0 && answer.errors.isEmpty, "\(answer)")
                #expect(try cleanups(of: answer) == expected)
            }
        }

        @Test("the JSON has the sums of all runs and each result; an error of one record is exit code 1")
        func sums() async throws {
            try await withCommandLine { scene in
                try await scene.job("a", age: 600)
                try await scene.job("bad", age: 600, ["startedAt": "yesterday"])
                try await scene.redis.send(RedisCommand("HSET", ["lock:x", "at", "1700000000"]))
                try await scene.redis.send(RedisCommand("ZADD", ["locks", "1", "x"]))
                let answer = try await scene.curfew("run", "stuck-jobs", "old-locks", "--json")
                #expect(answer.code == 1 && answer.output.filter(\.isNewline).count == 1, "\(answer)")
                let group = try answer.object()
                #expect(
                    Set(group.keys) == [
                        "success", "message", "totalFound", "cleanedUp", "retried", "skipped", "failed", "stalled",
                        "tokensRefunded", "bytesFreed", "absent", "durationMs", "actions", "cancelledCount", "results",
                        "notRun",
                    ])
                let sums = ["totalFound", "cleanedUp", "failed", "tokensRefunded"].map { group[$0] as? Int }
                #expect(sums == [3, 2, 1, 10] && group["success"] as? Bool == true)
                #expect((group["notRun"] as? [Any])?.isEmpty == true)
                let message =
                    "Cleaned up 1 of 2 stuck-jobs and refunded 10 tokens (1 failed). Cleaned up 1 of 1 old-locks"
                #expect(group["message"] as? String == message)
            }
        }

        @Test("what is paused isn't run and is named; the others are run, and the exit code is 4")
        func paused() async throws {
            try await withCommandLine { scene in
                try await scene.job("a", age: 600)
                try await Operations(engine: try scene.other("other-1")).pause("old-locks", by: "ada", why: "a test")
                let answer = try await scene.curfew("run", "old-locks", "stuck-jobs", "--json")
                #expect(answer.code == 4, "\(answer)")
                let group = try answer.object()
                #expect(try cleanups(of: answer) == ["stuck-jobs"] && group["success"] as? Bool == false)
                let notRun = try #require(group["notRun"] as? [[String: String]])
                #expect(notRun.count == 1 && notRun[0]["cleanup"] == "old-locks")
                #expect(notRun[0]["error"]?.contains("was paused by ada") == true)
                #expect(try await scene.redis.send(RedisCommand("HGET", ["job:a", "status"])).string == "FAILED")
            }
        }

        @Test("a run that fails doesn't stop the others, and its error counts more than a pause")
        func failed() async throws {
            try await withCommandLine(Self.cleanups) { scene in
                try await scene.job("a", age: 600)
                try await scene.redis.send(RedisCommand("SET", ["locks", "no sorted set"]))
                try await Operations(engine: try scene.other("other-1")).pause("off", by: "ada", why: "a test")
                let answer = try await scene.curfew("run", "off", "old-locks", "stuck-jobs", "--json")
                #expect(answer.code == 1, "\(answer)")
                let results = try #require(try answer.object()["results"] as? [[String: Any]])
                #expect(results.map { $0["status"] as? String } == ["failed", "completed"])
            }
        }

        @Test("in a log file every line has its time and its cleanup, and the last one the sums")
        func log() async throws {
            try await withCommandLine { scene in
                try await scene.job("a", age: 600)
                try await scene.job("bad\u{1B}[2J", age: 600, ["startedAt": "yesterday"])
                let answer = try await scene.curfew("run", "--all")
                let lines = answer.output.split(separator: "\n").map(String.init)
                let texts = lines.map { $0.dropFirst("2026-11-29T12:00:00.000Z  ".count) }
                #expect(answer.code == 1 && lines.count == 6, "\(answer)")
                for line in lines {
                    #expect(line.prefixMatch(of: #/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z  /#) != nil, "\(line)")
                }
                #expect(texts[0] == "stuck-jobs  stuck-jobs-1 started")
                #expect(texts[1].hasPrefix(#"stuck-jobs  stuck-jobs-1 error at bad\u{1B}[2J: "#), "\(texts[1])")
                #expect(texts[2].hasPrefix("stuck-jobs  stuck-jobs-1 completed_with_errors in "), "\(texts[2])")
                #expect(texts[2].hasSuffix("Cleaned up 1 of 2 stuck-jobs and refunded 10 tokens (1 failed)"))
                #expect(texts[3] == "old-locks  old-locks-1 started")
                #expect(texts[5] == "all  2 cleanups: cleaned up 1 of 2, refunded 10 tokens, 1 failed")
            }
        }

        @Test("a signal ends the run in hand after its page, and the rest isn't run")
        func signal() async throws {
            try await withCommandLine { scene in
                try await scene.jobs(30_000, age: 600)
                let output = "\(scene.server.folder)/group"
                let words = [try CurfewProgram.path, "run", "stuck-jobs", "old-locks", "--json"]
                let run = try ChildProcess(words + ["--config", scene.configuration], output: output)
                try await eventually("a page is done") {
                    try await scene.redis.send(RedisCommand("XLEN", ["{curfew}:events"])).integer ?? 0 > 1
                }
                run.signal(SIGTERM)
                let code = await run.wait(atMost: .seconds(60))
                let text = try String(contentsOfFile: output, encoding: .utf8)
                let answer = CommandLineScene.Answer(code: code, output: text, errors: "")
                #expect(code == 1, "\(text.suffix(500))")
                let results = try #require(try answer.object()["results"] as? [[String: Any]])
                #expect(results.map { $0["status"] as? String } == ["cancelled"])
                let notRun = try #require(try answer.object()["notRun"] as? [[String: String]])
                #expect(notRun == [["cleanup": "old-locks", "error": "a signal ended the command"]])
                let lease = RedisCommand("EXISTS", ["{curfew}:lease:stuck-jobs"])
                #expect(try await scene.redis.send(lease).integer == 0)
            }
        }

        @Test("a signal while it waits for a lease takes no result along")
        func waiting() async throws {
            try await withCommandLine { scene in
                let other = try scene.other("other-1")
                let cleanup = try #require(other.configuration.cleanup(named: "stuck-jobs"))
                _ = try await other.coordinator.claim(cleanup, trigger: "manual", isDryRun: false)
                let output = "\(scene.server.folder)/group"
                let words = [try CurfewProgram.path, "run", "old-locks", "stuck-jobs", "--wait", "--json"]
                let run = try ChildProcess(words + ["--config", scene.configuration], output: output)
                func calls() async throws -> Int {
                    let info = try await scene.redis.send(RedisCommand("INFO", ["commandstats"]))
                    let counts = ["cmdstat_fcall", "cmdstat_evalsha"].compactMap { info.infoField($0) }
                    return counts.compactMap { $0.firstMatch(of: /calls=(\d+)/).flatMap { Int($0.1) } }.reduce(0, +)
                }
                try await eventually("the first has ended") {
                    try await scene.redis.send(RedisCommand("XLEN", ["{curfew}:runs"])).integer == 1
                }
                let before = try await calls()
                // The claim of the second, and another one after a while.
                try await eventually("it asks for the lease again") { try await calls() >= before + 3 }
                run.signal(SIGTERM)
                let code = await run.wait(atMost: .seconds(60))
                let text = try String(contentsOfFile: output, encoding: .utf8)
                let answer = CommandLineScene.Answer(code: code, output: text, errors: "")
                #expect(code == 1, "\(text)")
                #expect(try cleanups(of: answer) == ["old-locks"])
                let notRun = try #require(try answer.object()["notRun"] as? [[String: String]])
                #expect(notRun == [["cleanup": "stuck-jobs", "error": "a signal ended the command"]])
            }
        }

        static let mistakes = [
            ("run", "Missing expected argument '<name>'"),
            (
                "run stuck-jobs other none",
                "there is no cleanup “other” or “none”: expected one of stuck-jobs, old-locks"
            ),
            ("run stuck-jobs stuck-jobs", "“stuck-jobs” is given twice"),
            ("run stuck-jobs --all", "expected either names of cleanups, or --route, or --all"),
            ("run --route day", "there is no route “day”: expected one of cleanup, cleanup-jobs"),
            ("run stuck-jobs old-locks --plan p.json", "--plan is a plan for one cleanup"),
            ("run --all --plan p.json", "--plan is a plan for one cleanup"),
        ]

        @Test("what can't be meant is refused before anything runs", arguments: mistakes)
        func refused(_ line: String, _ message: String) async throws {
            try await withCommandLine { scene in
                let answer = try await CommandLineScene.curfew(
                    line.split(separator: " ").map(String.init) + ["--config", scene.configuration],
                    folder: scene.server.folder)
                #expect(answer.code == 2 && answer.output.isEmpty && answer.errors.contains(message), "\(answer)")
                #expect(try await scene.redis.send(RedisCommand("EXISTS", ["{curfew}:fence"])).integer == 0)
            }
        }
    }
}
