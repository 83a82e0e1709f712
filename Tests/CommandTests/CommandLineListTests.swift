import Curfew
import Foundation
import RedisClient
import TestNeeds
import TestSupport
import Testing

extension CommandLineTests {
    /// What `history` and `events` list, and what they say of names that mean nothing.
    @Suite("lists", .tags(.processes))
    struct Lists {
        private func list(_ line: String, _ scene: CommandLineScene) async throws -> [[String: Any]] {
            let answer = try await CommandLineScene.curfew(
                line.split(separator: " ").map(String.init) + ["--json", "--config", scene.configuration],
                folder: scene.server.folder)
            #expect(answer.code == 0, "\(line): \(answer)")
            return try #require(try answer.json() as? [[String: Any]])
        }

        /// Two runs of `stuck-jobs`, one with an error, and one of `old-locks`.
        private func withHistory(_ body: (CommandLineScene) async throws -> Void) async throws {
            try await withCommandLine { scene in
                try await scene.job("a", age: 600)
                try await scene.job("bad", age: 600, ["startedAt": "yesterday"])
                for words in [["run", "stuck-jobs"], ["run", "old-locks"], ["run", "stuck-jobs", "--dry-run"]] {
                    _ = try await CommandLineScene.curfew(
                        words + ["--config", scene.configuration], folder: scene.server.folder)
                }
                try await body(scene)
            }
        }

        @Test("history takes a cleanup either way, a status, and a time")
        func history() async throws {
            let both = ["stuck-jobs-2", "stuck-jobs-1"]
            try await withHistory { scene in
                for (words, expected) in [
                    ("stuck-jobs", both), ("--cleanup stuck-jobs", both),
                    ("--cleanup stuck-jobs --limit 1", ["stuck-jobs-2"]), ("--status completed", ["old-locks-1"]),
                    ("--status completed_with_errors --status failed", both), ("--status lost", []),
                    ("--since 1h", ["stuck-jobs-2", "old-locks-1", "stuck-jobs-1"]),
                    ("--since 2020-01-01 stuck-jobs", both), ("--since 2100-01-01T00:00:00Z", []),
                ] {
                    let runs = try await list("history " + words, scene).map { $0["run"] as? String ?? "" }
                    #expect(runs == expected, "\(words)")
                }
            }
        }

        @Test("events takes a cleanup, a record, actions, errors and a time, all at once too")
        func events() async throws {
            try await withHistory { scene in
                for (words, expected) in [
                    ("--action fail", ["a"]), ("--record a", ["a"]), ("--errors --run stuck-jobs-1", ["bad"]),
                    ("--action error --run stuck-jobs-1 --cleanup stuck-jobs --since 1h", ["bad"]),
                    ("--action error --action fail --run stuck-jobs-1", ["bad", "a"]),
                    ("--cleanup old-locks", [""]), ("--record bad --action fail", []),
                    ("--action fail --since 2100-01-01", []),
                ] {
                    let records = try await list("events " + words, scene).map { $0["record"] as? String ?? "" }
                    #expect(Set(records) == Set(expected) && records.count == expected.count, "\(words)")
                }
            }
        }

        static let meaningless = [
            ("history nothing", "there is no cleanup “nothing”: expected one of stuck-jobs, old-locks"),
            ("history --cleanup nothing", "there is no cleanup “nothing”"),
            ("history --status done", "--status is “done”: expected one of completed, completed_with_errors"),
            ("history --since soon", "The value 'soon' is invalid for '--since <since>'"),
            ("history stuck-jobs --cleanup old-locks", "the cleanup is given twice"),
            ("events --run stuck-jobs-77", "there is no run “stuck-jobs-77” in the history"),
            ("events --cleanup nothing", "there is no cleanup “nothing”"),
            ("events --record 4711", "there is no record “4711”, and no event of it in the history"),
            ("events --cleanup old-locks --record a", "there is no record “a”"),
            ("events --errors --action fail", "--errors is the action “error”"),
            (
                "explain stuck-jobs 4711",
                "in the history, which is kept for 1d; expected the key job:4711, or an entry in the index of stuck-jobs"
            ),
            ("undo stuck-jobs-77", "there is no run “stuck-jobs-77”"),
            ("stats nothing", "there is no cleanup “nothing”"),
            ("pause nothing --why x", "there is no cleanup “nothing”"),
            ("resume nothing", "there is no cleanup “nothing”"), ("cancel nothing", "there is no cleanup “nothing”"),
            ("forget nothing", "there is no cleanup “nothing” to forget"),
        ]

        @Test("a name that means nothing is exit code 2 and no answer", arguments: meaningless)
        func unknown(_ line: String, _ message: String) async throws {
            try await withHistory { scene in
                let answer = try await CommandLineScene.curfew(
                    line.split(separator: " ").map(String.init) + ["--json", "--config", scene.configuration],
                    folder: scene.server.folder)
                #expect(answer.code == 2 && answer.output.isEmpty && answer.errors.contains(message), "\(answer)")
            }
        }

        @Test("a record, a run or a cleanup without events is an empty answer")
        func quiet() async throws {
            try await withCommandLine { scene in
                try await scene.job("young", age: 1)
                _ = try await scene.curfew("run", "old-locks")
                for line in [
                    "events --record young", "events --cleanup stuck-jobs", "events --run old-locks-1 --action fail",
                    "history stuck-jobs",
                ] {
                    let entries = try await list(line, scene)
                    #expect(entries.isEmpty, "\(line)")
                }
            }
        }
    }
}
