import Foundation
import Logging
import RedisClient
import TestNeeds
import TestSupport
import Testing

extension CommandLineTests {
    @Suite(
        "with TLS", .tags(.processes), .enabled("redis-server has no TLS", { try await RedisServer.hasTLS }),
        .timeLimit(.minutes(4)))
    struct TLSTests {
        /// A server with TLS, and the path of a configuration for a client with these options.
        private static func withConfiguration(
            shown: String = "server", options: (Certificates) -> String,
            _ body: (RedisServer, String) async throws -> Void
        ) async throws {
            try await Certificates.withCertificates { made in
                var certificates = made
                certificates.shown = shown
                try await withServer(.tls(certificates), tls: certificates.trustingAnybody) { server in
                    let url = "rediss://127.0.0.1:\(server.port)/0?\(options(certificates))"
                    let path = "\(server.folder)/curfew.yaml"
                    let text =
                        "redis: \"\(url)\"\nhttp: {listen: 127.0.0.1:0}\n\(CommandLineScene.cleanups)\n"
                    try text.write(toFile: path, atomically: true, encoding: .utf8)
                    try await body(server, path)
                }
            }
        }

        @Test("a worker brings jobs home, wakes for others, and ends in good order")
        func work() async throws {
            try await Self.withConfiguration(options: { $0.options() }) { server, path in
                try await RedisClient.withClient(server.configuration, logger: Logger(label: "test")) { redis in
                    let scene = CommandLineScene(server: server, redis: redis, configuration: path)
                    try await scene.job("1", age: 3_600)
                    let worker = try WorkerProcess(configuration: path, folder: server.folder)
                    try await worker.ready()
                    try await eventually("the job has failed") {
                        try await redis.send(RedisCommand("HGET", ["job:1", "status"])).string == "FAILED"
                    }
                    let looked = try await scene.curfew("doctor")
                    #expect(looked.output.contains("ok       redis"), "\(looked.output)")
                    #expect(await worker.terminate() == 0)
                }
            }
        }

        /// What stands in the way, the server's certificate, the client's options, and what is said of it.
        private static let obstacles: [(String, @Sendable (Certificates) -> String, String)] = [
            ("expired", { $0.options() }, "TLS: the server's certificate expired at 20"),
            (
                "server", { $0.options(authority: "stranger") },
                "the server's certificate is not signed by an authority in "
            ),
            ("server", { $0.options(client: nil) }, "TLS: the server requires a client certificate (cert=FILE"),
            ("server", { $0.options(client: "expired") }, "/expired.crt: it has expired"),
            ("other", { $0.options() }, "TLS: the server's certificate is not for 127.0.0.1"),
        ]

        @Test("what is wrong with a certificate is said by a command, by doctor and by the worker", arguments: 0..<5)
        func obstacle(number: Int) async throws {
            let (shown, options, expected) = Self.obstacles[number]
            try await Self.withConfiguration(shown: shown, options: options) { server, path in
                let status = try await CommandLineScene.curfew(["status", "--config", path], folder: server.folder)
                #expect(status.code == 3)
                #expect(status.errors.contains(expected), "\(status.errors)")
                let looked = try await CommandLineScene.curfew(["doctor", "--config", path], folder: server.folder)
                #expect(looked.code != 0)
                #expect(looked.output.contains(expected), "\(looked.output)")

                // It says so, and keeps trying.
                let worker = try WorkerProcess(configuration: path, folder: server.folder)
                try await eventually("the worker says what is wrong") { worker.log.contains(expected) }
                #expect(try await HTTPAnswer.to("\(try await worker.address())/readyz").status == 503)
                #expect(worker.isRunning)
                #expect(await worker.terminate() == 0)
            }
        }
    }
}
