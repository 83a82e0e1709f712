import Logging
import RedisClient
import TestNeeds
import TestSupport
import Testing

@Suite(
    "TLS", .tags(.ownServer), .enabled("redis-server has no TLS", { try await RedisServer.hasTLS }),
    .timeLimit(.minutes(4)))
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

    @Test("a server whose certificate is right is trusted, by address and by name")
    func trusted() async throws {
        try await Certificates.withCertificates { certificates in
            try await withServer(.tls(certificates)) { server in
                let first = try await outcome(server.configuration)
                #expect(first == "PONG")
                let url = "rediss://localhost:\(server.port)/1?\(certificates.options())"
                let byName = try RedisConfiguration(url: url)
                let second = try await outcome(byName)
                #expect(second == "PONG")
            }
        }
    }

    @Test("a large value passes through TLS")
    func large() async throws {
        try await Certificates.withCertificates { certificates in
            try await withServerAndClient(.tls(certificates)) { _, client in
                let big = String(repeating: "0123456789abcdef", count: 1 << 16)
                try await client.send(RedisCommand("SET", ["big", big]))
                #expect(try await client.send(RedisCommand("GET", ["big"])).string == big)
            }
        }
    }

    @Test("a certificate of an authority that isn't trusted is refused, unless nothing is checked")
    func stranger() async throws {
        try await Certificates.withCertificates { certificates in
            try await withServer(.tls(certificates)) { server in
                var configuration = server.configuration
                let file = "\(certificates.folder)/stranger.crt"
                configuration.tls?.authorities = file
                let refused = try await outcome(configuration)
                #expect(
                    refused == "unreachable: TLS: the server's certificate is not signed by an authority in \(file)")
                configuration.tls?.authorities = nil
                let unknown = try await outcome(configuration)
                #expect(
                    unknown.hasPrefix(
                        "unreachable: TLS: the server's certificate is not signed by "
                            + "an authority trusted on this machine"
                    ))
                configuration.tls?.verification = .none
                let first = try await outcome(configuration)
                #expect(first == "PONG")
            }
        }
    }

    @Test("a certificate of another name is refused, unless only the chain is checked")
    func otherName() async throws {
        try await Certificates.withCertificates { made in
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
                #expect(first.hasPrefix("unreachable: TLS: the server's certificate is not for 127.0.0.1"))
            }
        }
    }

    @Test("a client without the certificate that the server wants is refused")
    func noClientCertificate() async throws {
        try await Certificates.withCertificates { certificates in
            try await withServer(.tls(certificates)) { server in
                var configuration = server.configuration
                configuration.tls?.certificate = nil
                configuration.tls?.key = nil
                let second = try await outcome(configuration)
                #expect(second.hasPrefix("unreachable: TLS: the server requires a client certificate"))
            }
        }
    }

    @Test(
        "a client whose certificate the server doesn't take is told which one, and why",
        arguments: [("expired", "it has expired"), ("stranger", "it doesn't trust the issuer")]
    )
    func refusedClientCertificate(name: String, why: String) async throws {
        try await Certificates.withCertificates { certificates in
            try await withServer(.tls(certificates)) { server in
                let url = "rediss://127.0.0.1:\(server.port)/0?\(certificates.options(client: name))"
                let refused = try await outcome(RedisConfiguration(url: url))
                let file = "\(certificates.folder)/\(name).crt"
                #expect(refused == "unreachable: TLS: the server refused the certificate in \(file): \(why)")
            }
        }
    }

    @Test("a server's certificate that has expired is refused, with the time at which it did")
    func expired() async throws {
        try await Certificates.withCertificates { made in
            var certificates = made
            certificates.shown = "expired"
            try await withServer(.tls(certificates), tls: certificates.trustingAnybody) { server in
                var configuration = server.configuration
                configuration.tls?.verification = .full
                let refused = try await outcome(configuration)
                let time = refused.replacing("unreachable: TLS: the server's certificate expired at ", with: "")
                #expect(time.wholeMatch(of: /20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ/) != nil, "\(refused)")
            }
        }
    }

    @Test("a key that isn't the certificate's is named with it")
    func wrongKey() async throws {
        try await Certificates.withCertificates { certificates in
            var configuration = RedisConfiguration(address: .host("127.0.0.1", port: 1))
            configuration.tls = certificates.client
            configuration.tls?.key = "\(certificates.folder)/other.key"
            let refused = try await outcome(configuration)
            #expect(refused.hasPrefix("unreachable: TLS: the key in \(certificates.folder)/other.key is not that of"))
        }
    }

    @Test("a plain client at a TLS port, and a TLS client at a plain one, are told that it doesn't work")
    func mixedUp() async throws {
        try await Certificates.withCertificates { certificates in
            try await withServer(.tls(certificates)) { server in
                var configuration = server.configuration
                configuration.tls = nil
                let first = try await outcome(configuration)
                #expect(first.hasPrefix("unreachable: ") && first.contains("use rediss://"), "\(first)")
            }
            try await withServer { server in
                var configuration = server.configuration
                configuration.tls = certificates.client
                configuration.connectTimeout = .milliseconds(500)
                let second = try await outcome(configuration)
                #expect(second.hasPrefix("unreachable: TLS: ") && second.contains("TLS at this port"), "\(second)")
            }
        }
    }

    @Test("a server that takes the connection and never answers the handshake is told from one that never answers")
    func silent() async throws {
        try await Certificates.withCertificates { certificates in
            try await FakeServer.withServer(answer: { _, _ in "" }) { server in
                var configuration = server.configuration
                configuration.connectTimeout = .milliseconds(300)
                let plain = try await outcome(configuration)
                #expect(plain == "unreachable: connected, but no answer within 0.3 seconds")
                configuration.tls = certificates.client
                let handshake = try await outcome(configuration)
                #expect(handshake.hasPrefix("unreachable: TLS: connected, but no answer to the handshake within 0.3 s"))
            }
        }
    }

    @Test("a server that hangs up in the middle of the handshake is said to do so")
    func hangsUp() async throws {
        try await Certificates.withCertificates { certificates in
            try await FakeServer.withServer(answer: { _, _ in nil }) { server in
                var configuration = server.configuration
                configuration.tls = certificates.client
                let end = try await outcome(configuration)
                #expect(
                    end.contains("closed the connection during the handshake") && end.contains("redis://"), "\(end)")
            }
        }
    }

    @Test("a plain client is told of TLS where the server answers with an alert, hangs up, or resets the connection")
    func alerted() async throws {
        try await FakeServer.withServer(answer: { _, _ in "\u{15}\u{3}\u{1}\u{0}\u{2}\u{2}F" }) { server in
            let alert = try await outcome(server.configuration)
            #expect(alert == "unreachable: the server speaks TLS at this port: expected rediss:// instead of redis://")
        }
        try await FakeServer.withServer(answer: { _, _ in nil }) { server in
            let end = try await outcome(server.configuration)
            #expect(end.hasPrefix("unreachable: ") && end.contains("use rediss://"), "\(end)")
        }
    }

    @Test(
        "a file that can't be read is named, with what was expected in it",
        arguments: [("ca", "certificates to trust"), ("certificate", "a certificate"), ("key", "a private key")]
    )
    func missingFiles(which: String, what: String) async throws {
        try await Certificates.withCertificates { certificates in
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
