import Curfew
import Foundation
import Logging
import NIOHTTP1
import RedisClient
import TestNeeds
import TestSupport
import Testing

extension Chaos {
    @Suite("requests to a real worker that can't be met", .tags(.processes))
    struct RequestTests {
        private static let admin = "admin-token-0123456789"
        private static let viewer = "viewer-token-0123456789"
        private static let cron = "cron-secret-0123456789"
        private static let runs = "/api/v1/cleanups/stuck-jobs/runs"

        private struct Request {
            let method: HTTPMethod
            let path: String
            let token: String?
            let body: String?
            let status: Int
            /// What the message begins with.
            let message: String

            init(
                _ method: HTTPMethod, _ path: String, _ token: String?, _ body: String?, _ status: Int,
                _ message: String
            ) {
                (self.method, self.path, self.token, self.body) = (method, path, token, body)
                (self.status, self.message) = (status, message)
            }

            init(_ path: String, _ token: String?, _ status: Int, _ message: String) {
                self.init(.GET, path, token, nil, status, message)
            }
        }

        private static let requests = [
            Request("/api/v1/cleanups", nil, 401, "expected a token: Authorization: Bearer …"),
            Request("/api/v1/cleanups", "wrong", 401, "invalid token"),
            Request("/api/v1/cleanups", cron, 401, "invalid token"),
            Request("/metrics", nil, 401, "expected a token"),
            Request(.POST, runs, viewer, nil, 403, "the token is read-only: expected the admin-token"),
            Request(.POST, "/api/jobs/run", viewer, "{}", 403, "the token is read-only"),
            Request("/api/cron/stuck-jobs", viewer, 403, "the token is read-only"),
            Request("/api/v1/cleanups/none", admin, 404, "there is no cleanup “none”: expected one of stuck-jobs"),
            Request("/api/v1/runs/none-1", admin, 404, "there is no run “none-1” in the history"),
            Request("/nothing", admin, 404, "there is nothing at /nothing"),
            Request(.DELETE, runs, admin, nil, 405, "\(runs) does not support DELETE: expected POST"),
            Request(.POST, runs, admin, String(repeating: " ", count: (64 << 10) + 1), 413, "the body is too long"),
            Request(.POST, runs, admin, "{\"limit\": ", 400, "the body is invalid"),
            Request(.POST, runs, admin, "{\"limit\": \"7\"}", 400, "limit: expected a whole number from 1"),
            Request(.POST, runs, admin, "{\"dry_run\": true}", 400, "dry_run: unknown field (expected one of dryRun"),
            Request(.POST, "/api/jobs/run", admin, "{\"job_type\": \"x\"}", 404, "job_type: unknown type “x”"),
            Request("/api/v1/runs?limit=many", admin, 400, "limit: expected a whole number from 1 to 100"),
        ]

        /// Asks, and expects JSON with the message; a secret is nowhere in the answer.
        private static func ask(
            _ request: Request, at address: String, sourceLocation: SourceLocation = #_sourceLocation
        ) async throws -> HTTPAnswer {
            let answer = try await HTTPAnswer.to(
                request.method, address + request.path, token: request.token, request.body)
            #expect(answer.status == request.status, "\(request.path): \(answer.text)", sourceLocation: sourceLocation)
            let message = try answer.message
            #expect(message.hasPrefix(request.message), "\(answer.text)", sourceLocation: sourceLocation)
            #expect(try answer.json["success"] as? Bool == false, sourceLocation: sourceLocation)
            #expect(answer.headers["content-type"] == "application/json; charset=utf-8", sourceLocation: sourceLocation)
            #expect(![admin, viewer, cron].contains { "\(answer.text)\(answer.headers)".contains($0) })
            return answer
        }

        @Test("each is told so in JSON, with what was expected; no secret is said or logged", .timeLimit(.minutes(4)))
        func refused() async throws {
            try await withProcesses { scene in
                let text = scene.configuration(ProcessesScene.stuck(every: "1h"), lease: "60s", heartbeat: "1s")
                let tokens = "admin-token: \(Self.admin), viewer-token: \(Self.viewer), cron-secret: \(Self.cron)"
                let path = try scene.write("\(text)http: {listen: 127.0.0.1:0, \(tokens)}\n")
                let worker = try WorkerProcess(
                    configuration: path, folder: scene.server.folder, arguments: ["--verbose"])
                let address = try await worker.address()
                _ = try await scene.run("completed")
                for request in Self.requests { _ = try await Self.ask(request, at: address) }

                let other = try scene.engine("other-1", path)
                let cleanup = try #require(other.configuration.cleanup(named: "stuck-jobs"))
                _ = try await other.coordinator.claim(cleanup, trigger: "manual", isDryRun: false)
                let held = try await Self.ask(
                    Request(
                        .POST, Self.runs, Self.admin, nil, 409,
                        "stuck-jobs is already running on other-1 (stuck-jobs-2, "),
                    at: address)
                #expect(try held.json["holder"] as? String == "other-1")

                // Two wrong tokens were shown above.
                for _ in 3...10 {
                    _ = try await Self.ask(Request("/api/v1/runs", "a-guessed-word", 401, "invalid token"), at: address)
                }
                let waiting = try await Self.ask(
                    Request("/api/v1/runs", "a-guessed-word", 429, "too many wrong tokens from 127.0.0.1"), at: address)
                #expect(try await HTTPAnswer.to("\(address)/api/v1/runs", token: Self.admin).status == 200)
                #expect(Int(waiting.headers["retry-after"] ?? "").map { (1...60).contains($0) } == true)
                #expect(try await HTTPAnswer.to("\(address)/healthz").status == 200)

                await scene.server.kill()
                _ = try await Self.ask(Request("/readyz", nil, 503, "Redis can't be reached"), at: address)
                for secret in [Self.admin, Self.viewer, Self.cron, "a-guessed-word"] {
                    #expect(!worker.log.contains(secret))
                }
                #expect(await worker.terminate() == 0)
            }
        }
    }
}

extension ProcessesScene {
    /// An engine of another instance, in this process.
    fileprivate func engine(_ name: String, _ configuration: String) throws -> Engine {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        return Engine(
            configuration: try Configuration.load(path: configuration, environment: [:]), redis: redis,
            instance: Instance(id: name), logger: logger)
    }
}
