import Curfew
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import NIOCore
import NIOPosix
import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Admin

@Suite("The HTTP server", .tags(.ownServer))
struct AdminServerTests {
    @Test("a client that doesn't finish its request is closed", .timeLimit(.minutes(5)))
    func slowClients() async throws {
        try await withAdmin { scene in
            let limits = SlowClients.Limits(head: .milliseconds(300), body: .milliseconds(300))
            let application = try scene.application(limits: limits, idle: .seconds(50))
            try await application.test(.live) { client in
                let port = try #require(client.port)
                for text in [
                    "", "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ",
                    "POST /api/v1/cleanups/stuck-jobs/runs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \(AdminScene.admin)\r\n"
                        + "Content-Length: 100\r\n\r\n{",
                ] {
                    // It comes back at all: the connection was closed by the server.
                    #expect(try await !RawRequest.answer(to: text, port: port).contains(" 200 "))
                }
                // Where the machine is busy, this client too may need longer than that.
                let whole = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
                try await eventually("a client that does is answered") {
                    try await RawRequest.answer(to: whole, port: port).hasPrefix("HTTP/1.1 200 ")
                }
            }
        }
    }

    @Test("what is no HTTP, or too long a head, closes the connection and nothing else")
    func noise() async throws {
        try await withAdmin { scene in
            try await scene.application().test(.live) { client in
                let port = try #require(client.port)
                let long = "GET /healthz HTTP/1.1\r\nHost: x\r\nX: \(String(repeating: "x", count: 100_000))\r\n\r\n"
                for text in ["\u{16}\u{3}\u{1}garbage\r\n\r\n", "GET\r\n\r\n", long] {
                    #expect(try await !RawRequest.answer(to: text, port: port).contains(" 200 "))
                }
                #expect(try await client.ask(.get, "/healthz").status == 200)
            }
        }
    }

    @Test("an address that is taken is said, with the key of the file")
    func taken() async throws {
        let port = try freePort()
        let taken = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: port).get()
        try await withAdmin("http: {listen: \"127.0.0.1:\(port)\"}") { scene in
            await #expect {
                try await AdminServer(source: scene.source, logger: scene.engine.logger).run()
            } throws: {
                "\($0)" == "http.listen: 127.0.0.1:\(port) can't listen: the address is already in use"
            }
        }
        try await taken.close()
    }

    @Test("with a certificate it answers on TLS; a file that is none is said")
    func tls() async throws {
        let certificates = try await Certificates.make()
        let file = "\(certificates.folder)/server"
        let files = "\n  tls: {certificate: \(file).crt, key: \(file).key}"
        try await withAdmin(AdminScene.tokens + files) { scene in
            try await scene.application().test(.ahc(.https)) { client in
                let answer = try await client.ask(.get, "/api/v1/cleanups")
                #expect(answer.status == 200)
            }
        }
        try await withAdmin(AdminScene.tokens + "\n  tls: {certificate: /nowhere.pem, key: /nowhere.key}") { scene in
            #expect {
                _ = try scene.application()
            } throws: {
                "\($0)".hasPrefix("http.tls: /nowhere.pem and /nowhere.key can't be used")
            }
        }
    }
}
