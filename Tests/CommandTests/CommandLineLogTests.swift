import Curfew
import Foundation
import RedisClient
import TestNeeds
import TestSupport
import Testing

extension CommandLineTests {
    /// What is logged of a run, as text and as JSON.
    @Suite("the log", .tags(.processes))
    struct Log {
        private static func lines(_ errors: String) throws -> [[String: Any]] {
            try errors.split(separator: "\n").map { line in
                try #require(
                    try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any], "\(line)")
            }
        }

        @Test("every line of a worker's log is a JSON object: start, errors and end of a run, with its counts")
        func worker() async throws {
            try await withCommandLine("log: {format: json}\n" + CommandLineScene.cleanups) { scene in
                try await scene.jobs(3, age: 600)
                try await scene.job("b\u{202E}ad\n", age: 600, ["cost": "much"])
                let worker = try WorkerProcess(configuration: scene.configuration, folder: scene.server.folder)
                try await eventually("both cleanups ran") {
                    worker.log.split(separator: "\n").count { $0.contains("run ended") } == 2
                }
                #expect(await worker.terminate() == 0)
                let lines = try Self.lines(worker.log)
                #expect(
                    lines.allSatisfy {
                        ($0["time"] as? String)?.hasSuffix("Z") == true && $0["level"] is String
                            && $0["message"] is String
                    })
                let own = lines.filter { ($0["run"] as? String)?.hasPrefix("stuck-jobs-") == true }
                #expect(
                    own.compactMap { $0["message"] as? String }
                        == ["run started", "record not processed", "run ended"], "\(own)")
                let start = try #require(own.first)
                #expect(start["cleanup"] as? String == "stuck-jobs" && start["trigger"] as? String == "schedule")
                #expect(own.compactMap { $0["record"] as? String } == ["b\u{202E}ad\n"], "\(own)")
                let end = try #require(own.last)
                let counts = ["found": 4, "changed": 3, "action:fail": 3, "retried": 0, "skipped": 0, "failed": 1]
                for (name, count) in counts { #expect(end[name] as? Int == count, "\(name): \(end)") }
                #expect(end["refunded"] as? Int == 30 && end["duration_ms"] is Int)
                #expect(end["status"] as? String == "completed_with_errors" && end["level"] as? String == "info")
                #expect(!worker.log.unicodeScalars.contains("\u{202E}"))
            }
        }

        @Test("--verbose logs a line per record with id, amount and age; --log-format takes the place of the file's")
        func verbose() async throws {
            try await withCommandLine { scene in
                try await scene.jobs(2, age: 600)
                let dry = try await scene.curfew("run", "stuck-jobs", "--dry-run", "--verbose", "--log-format", "json")
                let planned = try Self.lines(dry.errors).filter { $0["message"] as? String == "record to be changed" }
                #expect(planned.count == 2, "\(dry.errors)")
                let run = try await scene.curfew("run", "stuck-jobs", "--verbose", "--log-format", "json")
                #expect(run.code == 0)
                let changed = try Self.lines(run.errors).filter { $0["message"] as? String == "record changed" }
                #expect(changed.compactMap { $0["record"] as? String }.sorted() == ["0", "1"], "\(run.errors)")
                let line = try #require(changed.first)
                #expect(line["refunded"] as? Int == 10 && (line["age_ms"] as? Int ?? 0) >= 600_000)
                #expect(line["action"] as? String == "fail" && line["cleanup"] as? String == "stuck-jobs")
                let wrong = try await scene.curfew("status", "--log-format", "xml")
                #expect(wrong.code == 2 && wrong.errors.contains("json"), "\(wrong.errors)")
            }
        }

        @Test("the level of the file applies to a run of a crontab, and not to commands that only answer")
        func level() async throws {
            try await withCommandLine("log: {level: info}\n" + CommandLineScene.cleanups) { scene in
                let run = try await scene.curfew("run", "stuck-jobs")
                #expect(run.errors.contains("run started") && run.errors.contains("run ended"), "\(run.errors)")
                #expect(run.errors.contains("found=0") && run.errors.contains("duration_ms="))
                #expect(try await scene.curfew("status").errors.isEmpty)
            }
        }
    }
}
