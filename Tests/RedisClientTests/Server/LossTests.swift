import Logging
import RedisClient
import TestNeeds
import TestSupport
import Testing

@Suite("a connection that is lost", .tags(.ownServer), .timeLimit(.minutes(4)))
struct LossTests {
    private func blocked(_ server: RedisServer) async throws {
        try await RedisClient.withClient(server.configuration, logger: Logger(label: "test")) { observer in
            try await eventually("a command blocks") {
                let clients = try await observer.send(RedisCommand("INFO", ["clients"])).string ?? ""
                return clients.contains("blocked_clients:1")
            }
        }
    }

    @Test("a command whose server is killed before it answers has an unknown outcome, with all of its pipeline")
    func killed() async throws {
        try await withServerAndClient { server, client in
            let pipeline = try client.begin(
                [RedisCommand("SET", ["a", "1"]), RedisCommand("BLPOP", ["none", "0"])],
                deadline: .seconds(50)
            )
            try await blocked(server)
            await server.kill()
            let error = await #expect(throws: RedisError.self) { try await pipeline.replies() }
            #expect(error?.code == .outcomeUnknown)
            #expect(error?.mayHaveRun == true)
            #expect(error?.command == "SET and 1 more")
        }
    }

    @Test("a command that may run twice is sent again after a restart")
    func sentAgain() async throws {
        try await withServerAndClient { server, client in
            let wait = RedisCommand.repeatable("BLPOP", ["list", "0"])
            let pending = try client.begin([wait], deadline: .seconds(50))
            try await blocked(server)
            await server.kill()
            try await server.restart()
            try await blocked(server)
            try await RedisClient.withClient(server.configuration, logger: Logger(label: "test")) { other in
                let length = try await other.send(RedisCommand("RPUSH", ["list", "value"]))
                #expect(length.integer == 1)
            }
            #expect(try await pending.replies().first?[1].string == "value")
        }
    }

    @Test("after a restart commands go through again")
    func restart() async throws {
        try await withServerAndClient(arguments: ["--appendonly", "yes", "--appendfsync", "always"]) { server, client in
            try await client.send(RedisCommand("SET", ["key", "value"]))
            await server.kill()
            // Sent while nobody listens: it waits for the connection to come back.
            let early = try client.begin([RedisCommand("GET", ["key"])], deadline: .seconds(50))
            try await server.restart()
            #expect(try await early.replies().first?.string == "value")
            #expect(client.isConnected)
        }
    }

    @Test("a frozen server times out the command, leaves the others unknown, and serves again when it wakes")
    func frozen() async throws {
        try await withServerAndClient { server, client in
            try await client.send(RedisCommand("PING"))
            server.freeze()
            let other = try client.begin([RedisCommand("SET", ["b", "1"])], deadline: .seconds(50))
            let error = await #expect(throws: RedisError.self) {
                try await client.send(RedisCommand("SET", ["a", "1"]), deadline: .milliseconds(200))
            }
            #expect(error?.code == .timedOut)
            #expect(error?.mayHaveRun == true)
            #expect(
                error?.description
                    == "Redis at 127.0.0.1:\(server.port): SET: no reply within 0.2 seconds; outcome unknown"
            )
            let lost = await #expect(throws: RedisError.self) { try await other.replies() }
            #expect(lost?.code == .outcomeUnknown)
            server.resume()
            #expect(try await client.send(RedisCommand("PING"), deadline: .seconds(50)).string == "PONG")
        }
    }

    @Test("a client that is killed by the server connects again")
    func clientKill() async throws {
        try await withServerAndClient { _, client in
            let first = try await client.send(RedisCommand("CLIENT", ["ID"])).integer
            let kill = try await client.pipeline([
                RedisCommand("CLIENT", ["KILL", "ID", String(first ?? 0), "SKIPME", "no"])
            ])
            #expect(kill.first?.integer == 1)
            let second = try await client.send(
                RedisCommand.repeatable("CLIENT", ["ID"]), deadline: .seconds(50))
            #expect(second.integer != first)
        }
    }

    @Test("a reply that nobody asked for closes the connection, and its text reaches the caller")
    func unsolicited() async throws {
        let answer: FakeServer.Answer = { connection, text in
            FakeServer.signIn(text, otherwise: connection == 1 ? "+one\r\n-ERR going away\r\n" : "+two\r\n")
        }
        try await FakeServer.withServer(answer: answer) { server in
            try await RedisClient.withClient(server.configuration, logger: Logger(label: "test")) { client in
                #expect(try await client.send(RedisCommand("GET", ["a"])).string == "one")
                let second = try await client.send(
                    RedisCommand("GET", ["a"]), deadline: .seconds(50))
                #expect(second.string == "two")
            }
        }
    }

    @Test("a server that answers nonsense makes the outcome unknown and says why")
    func nonsense() async throws {
        let answer: FakeServer.Answer = { _, text in FakeServer.signIn(text, otherwise: "?\r\n") }
        try await FakeServer.withServer(answer: answer) { server in
            try await RedisClient.withClient(server.configuration, logger: Logger(label: "test")) { client in
                let error = await #expect(throws: RedisError.self) {
                    try await client.send(RedisCommand("INCR", ["a"]))
                }
                #expect(error?.code == .outcomeUnknown)
                #expect(error?.message.contains("the server's reply cannot be read: Protocol error") == true)
            }
        }
    }

    @Test("a reply cut in the middle is no reply")
    func cut() async throws {
        let answer: FakeServer.Answer = { _, text in
            text.contains("HANG") ? nil : FakeServer.signIn(text, otherwise: "*2\r\n:1\r\n")
        }
        try await FakeServer.withServer(answer: answer) { server in
            try await RedisClient.withClient(server.configuration, logger: Logger(label: "test")) { client in
                let cut = try client.begin([RedisCommand("LPOP")], deadline: .seconds(50))
                let hangUp = try client.begin([RedisCommand("HANG")], deadline: .seconds(50))
                let error = await #expect(throws: RedisError.self) { try await cut.replies() }
                #expect(error?.code == .outcomeUnknown)
                await #expect(throws: RedisError.self) { try await hangUp.replies() }
            }
        }
    }
}
