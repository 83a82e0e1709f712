import Logging
import RedisClient
import TestSupport
import Testing

@Suite("TLS", .timeLimit(.minutes(4)))
struct TLSTests {
    private func outcome(_ configuration: RedisConfiguration) async throws -> String {
        try await RedisClient.withClient(configuration, logger: Logger(label: "test")) { client in
            do {
                return try await client.send(RedisCommand("PING"), deadline: .seconds(50)).string ?? ""
            } catch let error as RedisError {
                return "\(error.code): \(error.message)"
            }
        }
    }

    private func withCertificates<Result>(_ body: (Certificates) async throws -> Result) async throws -> Result {
        let certificates = try await Certificates.make()
        let result = try await body(certificates)
        try certificates.remove()
        return result
    }

    @Test("a server whose certificate is right is trusted, by address and by name")
    func trusted() async throws {
        try await withCertificates { certificates in
            try await withServer(.tls(certificates)) { server in
                let first = try await outcome(server.configuration)
                #expect(first == "PONG")
                let folder = certificates.folder
                let options = "ca=\(folder)/ca.crt&cert=\(folder)/client.crt&key=\(folder)/client.key"
                let byName = try RedisConfiguration(url: "rediss://localhost:\(server.port)/1?\(options)")
                let second = try await outcome(byName)
                #expect(second == "PONG")
            }
        }
    }

    @Test("a large value passes through TLS")
    func large() async throws {
        try await withCertificates { certificates in
            try await withServerAndClient(.tls(certificates)) { _, client in
                let big = String(repeating: "0123456789abcdef", count: 1 << 16)
                try await client.send(RedisCommand("SET", ["big", big]))
                #expect(try await client.send(RedisCommand("GET", ["big"])).string == big)
            }
        }
    }

    @Test("a certificate of an authority that isn't trusted is refused, unless nothing is checked")
    func stranger() async throws {
        try await withCertificates { certificates in
            try await withServer(.tls(certificates)) { server in
                var configuration = server.configuration
                configuration.tls?.authorities = "\(certificates.folder)/stranger.crt"
                let refused = try await outcome(configuration)
                #expect(refused.hasPrefix("unreachable: TLS: ") && refused.contains("CERTIFICATE_VERIFY_FAILED"))
                configuration.tls?.verification = .none
                let first = try await outcome(configuration)
                #expect(first == "PONG")
            }
        }
    }

    @Test("a certificate of another name is refused, unless only the chain is checked")
    func otherName() async throws {
        try await withCertificates { made in
            var certificates = made
            certificates.shown = "other"
            var trusting = certificates.client
            trusting.verification = .ca
            try await withServer(.tls(certificates), tls: trusting) { server in
                var configuration = server.configuration
                let second = try await outcome(configuration)
                #expect(second == "PONG")
                configuration.tls?.verification = .full
                let first = try await outcome(configuration)
                #expect(first.hasPrefix("unreachable: TLS: "))
            }
        }
    }

    @Test("a client without the certificate that the server wants is refused")
    func noClientCertificate() async throws {
        try await withCertificates { certificates in
            try await withServer(.tls(certificates)) { server in
                var configuration = server.configuration
                configuration.tls?.certificate = nil
                configuration.tls?.key = nil
                let second = try await outcome(configuration)
                #expect(second.hasPrefix("unreachable: "))
            }
        }
    }

    @Test("a plain client at a TLS port, and a TLS client at a plain one, are told that it doesn't work")
    func mixedUp() async throws {
        try await withCertificates { certificates in
            try await withServer(.tls(certificates)) { server in
                var configuration = server.configuration
                configuration.tls = nil
                let first = try await outcome(configuration)
                #expect(first.hasPrefix("unreachable: "))
            }
            try await withServer { server in
                var configuration = server.configuration
                configuration.tls = certificates.client
                configuration.connectTimeout = .milliseconds(500)
                let second = try await outcome(configuration)
                #expect(second.hasPrefix("unreachable: "))
            }
        }
    }

    @Test(
        "a file that can't be read is named, with what was expected in it",
        arguments: [("ca", "certificates to trust"), ("certificate", "a certificate"), ("key", "a private key")]
    )
    func missingFiles(which: String, what: String) async throws {
        try await withCertificates { certificates in
            var configuration = RedisConfiguration(address: .host("127.0.0.1", port: 1))
            configuration.tls = certificates.client
            switch which {
            case "ca": configuration.tls?.authorities = "/nowhere.pem"
            case "certificate": configuration.tls?.certificate = "/nowhere.pem"
            default: configuration.tls?.key = "/nowhere.pem"
            }
            let expected = "unreachable: TLS: cannot read \(what) from /nowhere.pem (expected PEM)"
            let first = try await outcome(configuration)
            #expect(first == expected)
        }
    }
}
