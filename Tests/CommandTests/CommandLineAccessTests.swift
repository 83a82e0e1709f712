import Curfew
import Foundation
import RedisClient
import TestNeeds
import TestSupport
import Testing

extension CommandLineTests {
    /// Who is let in over HTTP, as the command line tells it, and changes it.
    @Suite("who is let in", .tags(.processes))
    struct LetIn {
        private static let cleanup =
            "cleanups: {old: {policy: retention, every: 1h, records: \"old:<id>\", since: [at], keep: 1d}}\n"

        private func write(_ scene: CommandLineScene, _ http: String) throws -> String {
            let path = "\(scene.server.folder)/http.yaml"
            try "redis: \(scene.server.url)\nhttp: \(http)\n\(Self.cleanup)".write(
                toFile: path, atomically: true, encoding: .utf8)
            return path
        }

        @Test("a token that is missing from the environment, or weak, is exit 2 and says how to make one")
        func refused() async throws {
            try await withCommandLine { scene in
                for (token, words) in [
                    ("${CURFEW_ADMIN_TOKEN:-}", "“${CURFEW_ADMIN_TOKEN:-}” is empty"),
                    ("passwordpassword", "repeats itself"),
                ] {
                    let path = try write(scene, "{listen: \"127.0.0.1:0\", admin-token: \"\(token)\"}")
                    for command in ["config check", "work", "serve"] {
                        let answer = try await CommandLineScene.curfew(
                            command.split(separator: " ").map(String.init) + ["--config", path],
                            folder: scene.server.folder)
                        #expect(answer.code == 2, "\(command)")
                        #expect(answer.errors.contains("http.admin-token: ") && answer.errors.contains(words))
                        #expect(answer.errors.contains("openssl rand -hex 32"))
                    }
                }
            }
        }

        @Test("that everybody is let in, or nobody, is said by config check and by doctor")
        func said() async throws {
            try await withCommandLine { scene in
                for (http, words) in [
                    ("{open: true}", "anyone who can reach this port may do everything"),
                    ("{listen: \"127.0.0.1:0\"}", "access is not configured"),
                ] {
                    let path = try write(scene, http)
                    for command in ["config check", "doctor"] {
                        let answer = try await CommandLineScene.curfew(
                            command.split(separator: " ").map(String.init) + ["--config", path],
                            folder: scene.server.folder)
                        #expect(answer.code == 0 && answer.output.contains(words), "\(command): \(answer.output)")
                        #expect(answer.output.contains("${CURFEW_ADMIN_TOKEN}"))
                    }
                }
            }
        }

        @Test("sessions end writes another secret, and notes who did it")
        func sessions() async throws {
            try await withCommandLine { scene in
                let engine = try scene.other("other-1")
                let before = try await Sessions(engine: engine).secret()
                let answer = try await scene.curfew("sessions", "end", "--json")
                #expect(answer.code == 0 && answer.output.contains("\"success\":true"))
                let after = try await Sessions(engine: engine).secret()
                #expect(after != before && after.wholeMatch(of: /[0-9a-f]{64}/) != nil)
                let events = try await History(engine: engine).last(10, of: engine.keys.events)
                #expect(events.first?["action"] == "end-sessions")
            }
        }
    }
}
