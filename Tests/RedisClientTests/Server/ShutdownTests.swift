import Logging
import RedisClient
import TestNeeds
import TestSupport
import Testing

@Suite("shutting a client down", .tags(.ownServer), .timeLimit(.minutes(4)))
struct ShutdownTests {
    @Test("what was sent is answered, and nothing more is taken")
    func graceful() async throws {
        try await withServer { server in
            let client = RedisClient(server.configuration, logger: Logger(label: "test"))
            async let running: Void = client.run()
            try await client.send(RedisCommand("PING"))
            server.freeze()
            let pending = try client.begin([RedisCommand("ECHO", ["last"])], deadline: .seconds(50))
            client.shutdown()
            let error = await #expect(throws: RedisError.self) { try await client.send(RedisCommand("PING")) }
            #expect(error?.code == .shuttingDown)
            server.resume()
            #expect(try await pending.replies().first?.string == "last")
            try await running
            #expect(!client.isConnected)
            client.shutdown()
        }
    }

    @Test("a server that answers is heard out, and one that falls silent isn't waited for")
    func farewell() async throws {
        try await withServerAndClient { server, client in
            try await client.send(RedisCommand("PING"))
            client.endWhenSilent(for: .seconds(1))
            let wait = RedisCommand("BLPOP", ["nothing", "0.3"])
            for _ in 1...5 { try await client.send(wait) }
            server.freeze()
            let error = await #expect(throws: RedisError.self) {
                try await client.send(RedisCommand("INCR", ["count"]), deadline: .seconds(50))
            }
            #expect(error?.code == .outcomeUnknown, "\(String(describing: error))")
            let next = await #expect(throws: RedisError.self) { try await client.send(RedisCommand("PING")) }
            #expect(next?.code == .shuttingDown && next?.message == "shutting down, and no answer within 1.0 seconds")
            server.resume()
        }
    }

    @Test("cancellation ends run at once and leaves what was sent unknown")
    func cancelled() async throws {
        try await withServer { server in
            let client = RedisClient(server.configuration, logger: Logger(label: "test"))
            let running = Task { try await client.run() }
            try await client.send(RedisCommand("PING"))
            server.freeze()
            let pending = try client.begin([RedisCommand("ECHO", ["last"])], deadline: .seconds(50))
            running.cancel()
            try await running.value
            let error = await #expect(throws: RedisError.self) { try await pending.replies() }
            #expect(error?.code == .outcomeUnknown)
        }
    }

    @Test("run returns at once when the client was shut down before")
    func beforeRun() async throws {
        let client = RedisClient(
            RedisConfiguration(address: .host("127.0.0.1", port: 1)), logger: Logger(label: "test"))
        client.shutdown()
        try await client.run()
    }

    @Test("a client that waits for its next attempt ends at once")
    func whileBackingOff() async throws {
        let port = try freePort()
        let configuration = RedisConfiguration(address: .host("127.0.0.1", port: port))
        try await RedisClient.withClient(configuration, logger: Logger(label: "test")) { client in
            for _ in 0..<5 {
                await #expect(throws: RedisError.self) { try await client.send(RedisCommand("PING")) }
            }
        }
    }

    @Test("the error of the body comes out of withClient")
    func bodyThrows() async throws {
        struct Expected: Error {}
        try await withServer { server -> Void in
            await #expect(throws: Expected.self) {
                try await RedisClient.withClient(server.configuration, logger: Logger(label: "test")) {
                    client -> Void in
                    try await client.send(RedisCommand("PING"))
                    throw Expected()
                }
            }
        }
    }
}
