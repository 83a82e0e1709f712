import Curfew
import Foundation
import RedisClient
import TestNeeds
import TestSupport
import Testing

extension CommandLineTests {
    /// What the commands answer: for programs in JSON, for people in tables that a terminal can't be tricked with.
    @Suite("answers", .tags(.processes))
    struct Answers {
        private static let resultKeys: Set = [
            "run", "cleanup", "instance", "fence", "trigger", "dryRun", "status", "startedAt", "durationMs",
            "totalFound", "cleanedUp", "retried", "skipped", "failed", "stalled", "tokensRefunded", "bytesFreed",
            "absent", "actions", "records", "errors",
        ]

        @Test("run --json has the shape of the contract, and exit code 1 says that a record was an error")
        func run() async throws {
            try await withCommandLine { scene in
                try await scene.job("a", age: 600)
                try await scene.job("bad", age: 600, ["startedAt": "yesterday"])
                let answer = try await scene.curfew("run", "stuck-jobs", "--json")
                #expect(answer.code == 1 && answer.errors.isEmpty)
                #expect(answer.output.filter(\.isNewline).count == 1)
                let envelope = try answer.object()
                #expect(Set(envelope.keys) == ["success", "message", "result"] && envelope["success"] as? Bool == true)
                let message = "Cleaned up 1 of 2 stuck-jobs and refunded 10 tokens (1 failed)"
                #expect(envelope["message"] as? String == message)
                let result = try #require(envelope["result"] as? [String: Any])
                #expect(Set(result.keys) == Self.resultKeys)
                #expect(result["run"] as? String == "stuck-jobs-1" && result["fence"] as? Int == 1)
                #expect(result["trigger"] as? String == "manual" && result["dryRun"] as? Bool == false)
                #expect(result["status"] as? String == "completed_with_errors")
                let counts = ["totalFound", "cleanedUp", "retried", "skipped", "failed", "tokensRefunded"]
                #expect(counts.map { result[$0] as? Int } == [2, 1, 0, 0, 1, 10])
                let started = try #require(result["startedAt"] as? String)
                #expect(started.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil)
                let records = try #require(result["records"] as? [[String: Any]])
                #expect(
                    Set(records[0].keys) == [
                        "id", "action", "from", "to", "type", "ageMs", "timeoutMs", "tokensRefunded", "reason",
                    ])
                #expect(records[0]["id"] as? String == "a" && records[0]["timeoutMs"] as? Int == 300_000)
                let errors = try #require(result["errors"] as? [[String: String]])
                #expect(errors.count == 1 && Set(errors[0].keys) == ["id", "error"] && errors[0]["id"] == "bad")
            }
        }

        @Test("a dry run says what it would do and does nothing; the run after it does it")
        func dryRun() async throws {
            try await withCommandLine { scene in
                try await scene.job("a", age: 600)
                let dry = try await scene.curfew("run", "stuck-jobs", "--dry-run")
                #expect(dry.code == 0)
                #expect(dry.output.hasPrefix("Would clean up 1 of 1 stuck-jobs and refund 10 tokens\n"))
                #expect(try await scene.redis.send(RedisCommand("HGET", ["job:a", "status"])).string == "PROCESSING")
                let real = try await scene.curfew("run", "stuck-jobs")
                #expect(real.code == 0)
                #expect(real.output.hasPrefix("Cleaned up 1 of 1 stuck-jobs and refunded 10 tokens\n"))
                #expect(try await scene.redis.send(RedisCommand("HGET", ["job:a", "status"])).string == "FAILED")
                #expect(try await scene.curfew("run", "stuck-jobs").output.hasPrefix("Cleaned up 0 of 0 stuck-jobs\n"))
            }
        }

        @Test("preview --json is one result for a name and a list without, and leaves no key behind")
        func preview() async throws {
            try await withCommandLine { scene in
                try await scene.job("a", age: 200)
                let before = try await scene.redis.send(RedisCommand("KEYS", ["*"])).count
                let one = try await scene.curfew("preview", "stuck-jobs", "--at", "+10m", "--json")
                let result = try #require(try one.object()["result"] as? [String: Any])
                #expect(one.code == 0 && Set(result.keys) == Self.resultKeys)
                #expect(result["run"] as? String == "" && result["trigger"] as? String == "preview")
                #expect(result["dryRun"] as? Bool == true && result["totalFound"] as? Int == 1)
                let all = try #require(
                    try await scene.curfew("preview", "--json").json() as? [[String: Any]])
                let names = all.map { ($0["result"] as? [String: Any])?["cleanup"] as? String }
                #expect(names == ["stuck-jobs", "old-locks"])
                #expect(all.map { ($0["result"] as? [String: Any])?["totalFound"] as? Int } == [0, 0])
                #expect(try await scene.redis.send(RedisCommand("KEYS", ["*"])).count == before)
            }
        }

        @Test("explain --json tells the record, its deadline, the verdict and why")
        func explain() async throws {
            try await withCommandLine { scene in
                try await scene.job("a", age: 600)
                try await scene.job("b", age: 60)
                let stuck = try await scene.curfew("explain", "stuck-jobs", "a", "--json").object()
                #expect(
                    Set(stuck.keys) == [
                        "cleanup", "id", "key", "fields", "indexedAt", "verdict", "reason", "change",
                        "effects", "history",
                    ])
                let effects = stuck["effects"] as? [String] ?? []
                #expect(effects.count == 2 && effects[0].hasPrefix("add 10 to user:"))
                #expect(effects[1].hasPrefix("set status to “FAILED”, set error to “stuck in PROCESSING"))
                #expect(stuck["verdict"] as? String == "fail" && stuck["key"] as? String == "job:a")
                let change = stuck["change"] as? [String: Any]
                #expect(change?["to"] as? String == "FAILED" && change?["tokensRefunded"] as? Int == 10)
                let young = try await scene.curfew("explain", "stuck-jobs", "b", "--json").object()
                #expect(young["verdict"] as? String == "leave" && young["until"] as? String != nil)
                #expect(young["change"] == nil)
                let gone = try await scene.curfew("explain", "stuck-jobs", "nothing")
                #expect(gone.code == 2 && gone.output.isEmpty, "\(gone)")
                // What the index still has is a record that is gone, and that is an answer.
                try await scene.redis.send(RedisCommand("ZADD", ["jobs:deadlines", "1", "nothing"]))
                let dropped = try await scene.curfew("explain", "stuck-jobs", "nothing")
                #expect(dropped.code == 0 && dropped.output.contains("the record is gone"), "\(dropped)")
            }
        }

        @Test("what comes from Redis can't steer a terminal: control characters are shown escaped")
        func control() async throws {
            try await withCommandLine { scene in
                let id = "a\u{1B}[31m\u{7}\u{9B}2J\nb\r\t\u{202E}"
                try await scene.job(id, age: 600, ["cost": "x\u{1B}]0;title\u{7}"])
                try await scene.job("good\u{1B}[0m", age: 600)
                for arguments in [["preview", "stuck-jobs"], ["run", "stuck-jobs"], ["explain", "stuck-jobs", id]] {
                    let answer = try await CommandLineScene.curfew(
                        arguments + ["-c", scene.configuration], folder: scene.server.folder)
                    let text = answer.output + answer.errors
                    let steering = text.unicodeScalars.filter {
                        $0 != "\n" && ($0.properties.generalCategory == .control || $0.properties.isBidiControl)
                    }
                    #expect(steering.isEmpty, "\(arguments[0]): \(text.debugDescription)")
                    #expect(text.contains(#"a\u{1B}[31m\u{07}\u{009B}2J\nb\r\t\u{202E}"#), "\(text)")
                }
                for arguments in [["events"], ["history"]] {
                    let answer = try await CommandLineScene.curfew(
                        arguments + ["-c", scene.configuration], folder: scene.server.folder)
                    #expect(answer.code == 0 && !answer.output.contains("\u{1B}"))
                }
            }
        }

        @Test("there are colours on a terminal, none in a pipe, none with NO_COLOR")
        func colours() async throws {
            try await withCommandLine { scene in
                try await scene.job("a", age: 600)
                let preview = "\(try CurfewProgram.path) preview -c \(scene.configuration)"
                func onTerminal(_ prefix: String) async throws -> String {
                    let file = "\(scene.server.folder)/terminal-\(UInt64.random(in: 0...UInt64.max))"
                    let process = try ChildProcess(["script", "-qec", prefix + preview, "/dev/null"], output: file)
                    #expect(await process.wait() == 0)
                    return try String(contentsOfFile: file, encoding: .utf8)
                }
                #expect(try await onTerminal("NO_COLOR= ").contains("\u{1B}[32m"))
                #expect(try await !onTerminal("NO_COLOR=1 ").contains("\u{1B}"))
                let piped = try await scene.curfew("preview")
                #expect(piped.code == 0 && !(piped.output + piped.errors).contains("\u{1B}"))
            }
        }
    }
}
