import Logging
import RedisClient
import TestNeeds
import TestSupport
import Testing

/// Behind a name, an address or a proxy another server becomes the primary, and the old one lives on as a replica.
@Suite("a single server that becomes a replica", .tags(.ownServer), .timeLimit(.minutes(4)))
struct MovedPrimaryTests {
    private let set = RedisCommand("SET", ["key", "value"])

    private func withMovable(_ body: (RedisServer, RedisServer, TCPProxy, RedisClient) async throws -> Void)
        async throws
    {
        try await withServer { old in
            try await withServer { new in
                let proxy = try await TCPProxy.start(to: old.port)
                let configuration = RedisConfiguration(address: .host("localhost", port: proxy.port))
                try await RedisClient.withClient(configuration, logger: Logger(label: "test")) { client in
                    try await client.send(set)
                    try await body(old, new, proxy, client)
                }
            }
        }
    }

    private func demote(_ server: RedisServer, below primary: RedisServer) async throws {
        try await RedisClient.withClient(server.configuration, logger: Logger(label: "test")) { direct in
            _ = try await direct.send(RedisCommand("REPLICAOF", ["127.0.0.1", String(primary.port)]))
        }
    }

    @Test("its first refusal is told, and the next connection goes where the name leads by then")
    func leaves() async throws {
        try await withMovable { old, new, proxy, client in
            try await demote(old, below: new)
            proxy.turn(to: new.port)
            let refused = await #expect(throws: RedisError.self) { try await client.send(set) }
            #expect(
                refused?.server?.code == "READONLY" && refused?.mayHaveRun == false, "\(String(describing: refused))")
            try await client.send(set)
            #expect(try await client.send(RedisCommand("ROLE"))[0].string == "master")
        }
    }

    @Test("what was sent after it is answered first, so that nobody is left in doubt")
    func answersFirst() async throws {
        try await withMovable { old, new, proxy, client in
            try await demote(old, below: new)
            proxy.turn(to: new.port)
            let sent = try [set, RedisCommand("ECHO", ["x"]), RedisCommand("INCR", ["count"])].map {
                try client.begin([$0])
            }
            let first = try await sent[0].replies()[0].error?.code
            #expect(first == "READONLY")
            #expect(try await sent[1].replies()[0].string == "x")
            // Refused, or sent to the new one: never in doubt.
            let last = try await sent[2].replies()[0]
            #expect(last.error?.code == "READONLY" || last.integer == 1)
        }
    }

    @Test(
        "one whose name still leads to it refuses each time anew, and is a server like any other once it takes writes")
    func stays() async throws {
        try await withMovable { old, new, _, client in
            try await demote(old, below: new)
            for _ in 1...3 {
                let refused = await #expect(throws: RedisError.self) { try await client.send(set) }
                #expect(refused?.server?.code == "READONLY", "\(String(describing: refused))")
            }
            try await RedisClient.withClient(old.configuration, logger: Logger(label: "test")) { direct in
                _ = try await direct.send(RedisCommand("REPLICAOF", ["NO", "ONE"]))
            }
            try await client.send(set)
        }
    }
}
