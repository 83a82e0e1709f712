import Foundation
import TestNeeds
import TestSupport
import Testing

extension CommandLineTests {
    /// What can't be meant is exit code 2, with what was expected on standard error and nothing on standard output.
    @Suite("wrong usage", .tags(.processes))
    struct Usage {
        struct Mistake: Sendable, CustomTestStringConvertible {
            let arguments: [String]
            let message: String
            var testDescription: String { arguments.joined(separator: " ") }

            init(_ line: String, _ message: String) {
                arguments = line.split(separator: " ").map(String.init)
                self.message = message
            }
        }

        static let mistakes = [
            Mistake("run", "Missing expected argument '<name>'"),
            Mistake("run stuck-job", "there is no cleanup “stuck-job”: expected one of stuck-jobs, old-locks"),
            Mistake("preview nothing", "there is no cleanup “nothing”: expected one of stuck-jobs, old-locks"),
            Mistake("explain nothing 1", "there is no cleanup “nothing”: expected one of stuck-jobs, old-locks"),
            Mistake("run stuck-jobs --timeout soon", "The value 'soon' is invalid for '--timeout <timeout>'"),
            Mistake("run stuck-jobs --timeout 10", "The value '10' is invalid for '--timeout <timeout>'"),
            Mistake("run stuck-jobs --timeout 0s", "--timeout must be longer than 0"),
            Mistake("run stuck-jobs --limit 0", "--limit is 0: expected 1 or more"),
            Mistake("run stuck-jobs --limit=-3", "--limit is -3: expected 1 or more"),
            Mistake("run stuck-jobs --limit many", "The value 'many' is invalid for '--limit <limit>'"),
            Mistake("preview --limit 0", "--limit is 0: expected 1 or more"),
            Mistake("preview --at yesterday", "The value 'yesterday' is invalid for '--at <at>'"),
            Mistake("preview stuck-jobs --timeout 0s", "--timeout must be longer than 0"),
            Mistake("run stuck-jobs --force", "Unknown option '--force'"),
            Mistake("run stuck-jobs other", "there is no cleanup “other”: expected one of stuck-jobs, old-locks"),
            Mistake("clean", "Unexpected argument 'clean'"),
            Mistake("explain", "Missing expected argument '<name>'"),
            Mistake("pause stuck-jobs", "Missing expected argument '--why <why>'"),
        ]

        @Test("what can't be meant is refused", arguments: mistakes)
        func refused(mistake: Mistake) async throws {
            try await withCommandLine { scene in
                let answer = try await CommandLineScene.curfew(
                    mistake.arguments, folder: scene.server.folder,
                    environment: ["CURFEW_CONFIG": scene.configuration])
                #expect(answer.code == 2 && answer.output.isEmpty)
                #expect(answer.errors.contains(mistake.message), "\(answer.errors)")
            }
        }

        @Test("a configuration that isn't there is named, with why", arguments: ["option", "variable", "default"])
        func missing(way: String) async throws {
            try await withFolder { folder in
                let path = way == "default" ? "curfew.yaml" : "\(folder)/other.yaml"
                let answer = try await CommandLineScene.curfew(
                    ["run", "stuck-jobs"] + (way == "option" ? ["--config", path] : []), folder: folder,
                    environment: way == "variable" ? ["CURFEW_CONFIG": path] : [:])
                #expect(answer.code == 2 && answer.output.isEmpty)
                #expect(answer.errors == "curfew: \(path): cannot be read: there is no such file\n")
            }
        }

        private static let broken = """
            redis: localhost:6379
            worker: {lease: soon}
            cleanups:
              stuck-jobs:
                policy: stuck
                every: 15m
                records: job
                states: [PROCESSING]
                sinse: [startedAt]
                timeout: 5 minutes
                to: FAILED
              locks: {policy: lock, every: 30m, records: "lock:<id>", timeout: 3h}
            """

        @Test(
            "a broken configuration is refused with all its problems, each with its line",
            arguments: [["run", "stuck-jobs"], ["preview"], ["work"], ["status"], ["config", "check"]])
        func problems(command: [String]) async throws {
            try await withFolder { folder in
                let path = "\(folder)/curfew.yaml"
                try Self.broken.write(toFile: path, atomically: true, encoding: .utf8)
                let answer = try await CommandLineScene.curfew(command + ["-c", path], folder: folder)
                #expect(answer.code == 2 && answer.output.isEmpty)
                for (line, key) in [
                    (1, "redis"), (2, "worker.lease"), (7, "cleanups.stuck-jobs.records"),
                    (9, "cleanups.stuck-jobs.sinse"), (10, "cleanups.stuck-jobs.timeout"),
                    (12, "cleanups.locks.policy"),
                ] {
                    #expect(answer.errors.contains("\(path):\(line): \(key): "), "\(key) in \(answer.errors)")
                }
                #expect(answer.errors.contains("since"))
            }
        }
    }
}
