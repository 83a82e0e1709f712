import Curfew
import Foundation
import Policies
import TestNeeds
import TestSupport
import Testing

extension CommandLineTests {
    /// `config init` and `config schema`: no Redis is asked.
    @Suite("a first file", .tags(.processes))
    struct FirstFiles {
        private static let kinds = ["stuck", "counters", "locks", "paused", "dependent", "retention", "files"]

        @Test("what is written for each policy is read, has comments and is written once", arguments: kinds)
        func policies(_ policy: String) async throws {
            try await withFolder { folder in
                let answer = try await CommandLineScene.curfew(
                    ["config", "init", "--policy", policy, "--records", "x:<id>", "--timeout", "40d"], folder: folder)
                #expect(answer.code == 0 && answer.output.isEmpty, "\(answer.errors)")
                let text = try String(contentsOfFile: "\(folder)/curfew.yaml", encoding: .utf8)
                #expect(text.contains("# ") && text.contains("x:<id>"))
                let check = try await CommandLineScene.curfew(["config", "check", "--json"], folder: folder)
                #expect(check.code == 0)
                let object = try check.object()
                #expect((object["cleanups"] as? [[String: Any]])?.first?["policy"] as? String == policy)
                #expect(object["warnings"] == nil)
                let again = try await CommandLineScene.curfew(["config", "init"], folder: folder)
                #expect(again.code == 2 && again.errors.contains("exists already"))
                #expect(try String(contentsOfFile: "\(folder)/curfew.yaml", encoding: .utf8) == text)
            }
        }

        @Test("the options are what is written")
        func options() async throws {
            try await withFolder { folder in
                let answer = try await CommandLineScene.curfew(
                    [
                        "config", "init", "--redis", "redis://:hidden-7@redis.example:6380/2", "--name", "mine",
                        "--records", "render:<id>", "--status", "state", "--state", "RUN", "--state", "GO", "--since",
                        "began", "--timeout", "20m", "--to", "BROKEN", "--every", "1m", "--output", "-",
                    ], folder: folder)
                #expect(answer.code == 0, "\(answer.errors)")
                #expect(!answer.output.contains("hidden-7"))
                let file = try Configuration.parse(
                    answer.output, file: "", environment: ["REDIS_PASSWORD": "hidden-7"])
                let cleanup = try #require(file.cleanup(named: "mine"))
                #expect(cleanup.statusField == "state" && cleanup.policy.activeStates == ["RUN", "GO"])
                #expect("\(cleanup.schedule)" == "every 1m" && cleanup.longestTimeout == .seconds(1_200))
                #expect(!FileManager.default.fileExists(atPath: "\(folder)/curfew.yaml"))
            }
        }

        @Test(
            "what can't be is refused with the reason, and nothing is written",
            arguments: [
                (["--policy", "stukc"], "did you mean “stuck”?"), (["--records", "job"], "has no <id>"),
                (["--timeout", "15"], "has no unit"), (["--redis", "http://x"], "redis://"),
                (["--state", "FAILED"], "FAILED"), (["--preset", "nosuch"], "nosuch"),
                (["--preset", "rq", "--records", "x:<id>"], "can't be used with --preset"),
            ])
        func refused(_ options: [String], _ reason: String) async throws {
            try await withFolder { folder in
                let answer = try await CommandLineScene.curfew(["config", "init"] + options, folder: folder)
                #expect(answer.code == 2 && answer.errors.contains(reason), "\(answer.errors)")
                #expect(!FileManager.default.fileExists(atPath: "\(folder)/curfew.yaml"))
            }
        }

        @Test("the schema is printed as it is, and is JSON")
        func schema() async throws {
            try await withFolder { folder in
                let answer = try await CommandLineScene.curfew(["config", "schema"], folder: folder)
                #expect(answer.code == 0 && Array(answer.output.utf8) == ConfigurationSchema.bytes)
                #expect(try answer.object()["$schema"] as? String == "https://json-schema.org/draft/2020-12/schema")
            }
        }
    }
}
