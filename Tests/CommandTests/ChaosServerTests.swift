import AsyncHTTPClient
import Curfew
import Foundation
import NIOCore
import NIOHTTP1
import RedisClient
import TestNeeds
import TestSupport
import Testing

extension WorkerProcess {
    /// Waits until it answers on HTTP, and says where.
    func address(_ scheme: String = "http") async throws -> String {
        try await eventually("a process listens") {
            guard isRunning else { throw ChildProcessError("a process has ended: \(log)") }
            return log.firstMatch(of: /port=([0-9]+) .*listening/).map { "\(scheme)://127.0.0.1:\($0.output.1)" }
        }
    }
}

extension Chaos {
    @Suite("processes that answer on HTTP", .tags(.processes))
    struct ServerTests {
        private static let admin = "admin-token-0123456789"
        private static let viewer = "viewer-token-0123456789"
        private static let cron = "cron-secret-0123456789"
        private static let tokens = "admin-token: \(admin), viewer-token: \(viewer), cron-secret: \(cron)"
        private static let commands = ["work", "serve"]

        /// The path of a configuration with one cleanup and this section `http`.
        private static func configuration(_ scene: ProcessesScene, _ http: String, more: String = "") throws -> String {
            let text = scene.configuration(
                ProcessesScene.stuck(every: "1h", more: more), lease: "3s", heartbeat: "1s")
            return try scene.write("\(text)http: {\(http)}\n")
        }

        @Test("an address that others can reach needs an admin token: exit 2, and how to set one", arguments: commands)
        func open(_ command: String) async throws {
            try await withProcesses { scene in
                let path = try Self.configuration(scene, "listen: \"0.0.0.0:0\"")
                let ending = try await scene.curfew(command, configuration: path)
                #expect(ending.code == 2)
                #expect(ending.output.contains("\(path):"))
                #expect(ending.output.contains("http.listen: 0.0.0.0 can be reached from other machines"))
                #expect(ending.output.contains("set admin-token: ${CURFEW_ADMIN_TOKEN}, or listen on 127.0.0.1"))
            }
        }

        @Test("a port that is taken, and a certificate that is none: exit 2, and which key it is", arguments: commands)
        func unusable(_ command: String) async throws {
            try await withProcesses { scene in
                let taken = try Self.configuration(scene, "listen: 127.0.0.1:\(scene.server.port)")
                let first = try await scene.curfew(command, configuration: taken)
                #expect(first.code == 2)
                let said = "curfew: http.listen: 127.0.0.1:\(scene.server.port) can't listen: "
                #expect(first.output.contains(said + "the address is already in use"), "\(first.output)")
                let file = "\(scene.server.folder)/none.pem"
                let tls = "tls: {certificate: \(file), key: \(file)}"
                let path = try Self.configuration(scene, "listen: 127.0.0.1:0, \(tls)")
                let second = try await scene.curfew(command, configuration: path)
                #expect(second.code == 2)
                #expect(second.output.contains("curfew: http.tls: \(file) and \(file) can't be used: "))
            }
        }

        @Test("with a certificate they answer on TLS, and on nothing else", arguments: commands)
        func tls(_ command: String) async throws {
            let certificates = try await Certificates.make()
            try await withProcesses { scene in
                let files = "certificate: \(certificates.folder)/server.crt, key: \(certificates.folder)/server.key"
                let path = try Self.configuration(scene, "listen: 127.0.0.1:0, tls: {\(files)}, \(Self.tokens)")
                let process = try WorkerProcess(command, configuration: path, folder: scene.server.folder)
                let address = try await process.address("https")
                try await certificates.withWebClient { client in
                    #expect(try await HTTPAnswer.to("\(address)/healthz", client: client).status == 200)
                    let status = try await HTTPAnswer.to(
                        "\(address)/api/v1/cleanups", token: Self.viewer, client: client)
                    #expect(status.status == 200)
                }
                // A client that doesn't know the authority, and one that speaks plainly.
                let limit = TimeAmount.seconds(2)
                await #expect(throws: (any Error).self) { try await HTTPAnswer.to("\(address)/healthz", within: limit) }
                let plain = address.replacing("https", with: "http")
                await #expect(throws: (any Error).self) { try await HTTPAnswer.to("\(plain)/healthz", within: limit) }
                #expect(await process.terminate() == 0)
            }
            try certificates.remove()
        }

        @Test("SIGTERM ends them within seconds, whoever holds a connection or a page open", arguments: commands)
        func ends(_ command: String) async throws {
            try await withProcesses { scene in
                let path = try Self.configuration(scene, "listen: 127.0.0.1:0, open: true")
                let process = try WorkerProcess(command, configuration: path, folder: scene.server.folder)
                let address = try await process.address()
                try await eventually("it is ready") { try await HTTPAnswer.to("\(address)/readyz").status == 200 }
                let page = try await HTTPClient.shared.execute(
                    HTTPClientRequest(url: "\(address)/live?page=overview"), timeout: .seconds(60))
                #expect(page.status == .ok)
                let watch = Stopwatch()
                #expect(await process.terminate() == 0, "\(process.log)")
                #expect(watch.elapsed < .seconds(8))
            }
        }

        @Test("with Redis away they live, say that they aren't ready, and are when it is back", arguments: commands)
        func away(_ command: String) async throws {
            try await withProcesses { scene in
                await scene.server.kill()
                let path = try Self.configuration(scene, "listen: 127.0.0.1:0, \(Self.tokens)")
                let process = try WorkerProcess(command, configuration: path, folder: scene.server.folder)
                let address = try await process.address()
                #expect(try await HTTPAnswer.to("\(address)/healthz").status == 200)
                let unready = try await HTTPAnswer.to("\(address)/readyz")
                #expect(unready.status == 503)
                #expect(try unready.message == "Redis can't be reached or is not usable for Curfew")
                for path in ["/api/v1/cleanups", "/api/v1/runs", "/api/v1/alerts"] {
                    let answer = try await HTTPAnswer.to(address + path, token: Self.viewer)
                    #expect(try answer.status == 503 && !answer.message.isEmpty, "\(answer.text)")
                    #expect(answer.headers["retry-after"] != nil)
                }
                let run = "\(address)/api/v1/cleanups/stuck-jobs/runs"
                #expect(try await HTTPAnswer.to(.POST, run, token: Self.admin).status == 503)
                try await scene.server.restart()
                try await eventually("it is ready") { try await HTTPAnswer.to("\(address)/readyz").status == 200 }
                #expect(try await HTTPAnswer.to(.POST, run, token: Self.admin).status == 200)
                #expect(await process.terminate() == 0)
            }
        }
    }
}
