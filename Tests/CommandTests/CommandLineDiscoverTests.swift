import Curfew
import Foundation
import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import CurfewCLI

extension CommandLineTests {
    /// `discover`, asked as somebody does who has no configuration yet.
    @Suite("discover", .tags(.processes), .timeLimit(.minutes(4)))
    struct Discover {
        /// The results of a preview of all cleanups, by name.
        private static func previews(_ path: String, _ folder: String) async throws -> [String: [String: Any]] {
            let answer = try await CommandLineScene.curfew(["preview", "--json", "--config", path], folder: folder)
            let list = try #require(try answer.json() as? [[String: Any]], "\(answer.errors)")
            var found: [String: [String: Any]] = [:]
            for envelope in list {
                let result = try #require(envelope["result"] as? [String: Any])
                found[try #require(result["cleanup"] as? String)] = result
            }
            return found
        }

        /// How many records each cleanup of a preview finds.
        private static func counts(_ previews: [String: [String: Any]]) -> [String: Int] {
            previews.mapValues { $0["totalFound"] as? Int ?? 0 }
        }

        @Test("on the demo's keyspace the proposal finds what the file finds that was written by hand")
        func demo() async throws {
            try await withServerAndClient(.unixSocket) { server, redis in
                let now = try #require(try await redis.send(RedisCommand("TIME"))[0].integer) * 1_000
                var workload = DemoWorkload(loaded: Timestamp(milliseconds: now))
                try await workload.load(into: redis)
                try await workload.addStuck(DemoPace.usual.stuck, to: redis, now: workload.loaded)
                let hand = "\(server.folder)/hand.yaml", proposal = "\(server.folder)/proposal.yaml"
                try DemoConfiguration.text(redis: server.url, store: nil)
                    .write(toFile: hand, atomically: true, encoding: .utf8)
                let answer = try await CommandLineScene.curfew(
                    ["discover", "--redis", server.url, "--output", proposal], folder: server.folder)
                #expect(answer.code == 0 && answer.output.isEmpty, "\(answer.errors)")
                let check = try await CommandLineScene.curfew(
                    ["config", "check", "--json", "--config", proposal], folder: server.folder)
                #expect(check.code == 0)
                #expect(try check.object()["warnings"] == nil)
                let wanted = Self.counts(try await Self.previews(hand, server.folder))
                let found = Self.counts(try await Self.previews(proposal, server.folder))
                #expect(wanted.values.reduce(0, +) > 20_000)
                for (name, count) in wanted {
                    #expect(Double(found[name] ?? 0) >= 0.95 * Double(count), "\(name): \(found)")
                }
            }
        }

        @Test("it prints what it proposes, as a file or as JSON, and never writes over a file")
        func outputs() async throws {
            try await withCommandLine { scene in
                try await scene.jobs(30, age: 3_600)
                let text = try await scene.curfew("discover")
                #expect(text.code == 0 && text.output.contains("  stuck-jobs:\n") && text.errors.isEmpty)
                // Where Redis is, is as the file says it.
                #expect(text.output.contains("\nredis: \(scene.server.url)\n"))
                let json = try await scene.curfew("discover", "--json", "--match", "job:*").object()
                #expect(json["scanned"] as? Int == 30 && (json["yaml"] as? String)?.contains("stuck-jobs") == true)
                let over = try await scene.curfew("discover", "--output", scene.configuration)
                #expect(over.code == 2 && over.errors.contains("exists already"))
                let none = try await CommandLineScene.curfew(
                    ["discover", "--redis", "redis://127.0.0.1:1"], folder: scene.server.folder)
                #expect(none.code == 3 && none.output.isEmpty)
            }
        }

        @Test("a password of the address is never printed, and the file is read with one from the environment")
        func password() async throws {
            let secret = RedisConfiguration.Credentials(user: nil, password: "s3same-9")
            try await withServer(arguments: ["--requirepass", "s3same-9"], credentials: secret) { server in
                let place = try #require(server.url.components(separatedBy: "@").last?.replacing("redis://", with: ""))
                let path = "\(server.folder)/found.yaml"
                let answer = try await CommandLineScene.curfew(
                    ["discover", "--redis", "redis://:s3same-9@\(place)", "--output", path], folder: server.folder)
                #expect(answer.code == 0, "\(answer.errors)")
                #expect(try !String(contentsOfFile: path, encoding: .utf8).contains("s3same-9"))
                let status = try await CommandLineScene.curfew(
                    ["status", "--config", path], folder: server.folder, environment: ["REDIS_PASSWORD": "s3same-9"])
                #expect(status.code == 0, "\(status.errors)")
            }
        }
    }
}
