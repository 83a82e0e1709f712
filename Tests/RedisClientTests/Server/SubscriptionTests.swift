import Logging
import RedisClient
import TestNeeds
import TestSupport
import Testing

@Suite("subscriptions", .tags(.ownServer), .timeLimit(.minutes(4)))
struct SubscriptionTests {
    @Test("messages come in order, from the moment the body begins")
    func messages() async throws {
        try await withServerAndClient { _, client in
            try await client.subscribe("news") { messages in
                var iterator = messages.makeAsyncIterator()
                for number in 0..<100 {
                    let receivers = try await client.send(RedisCommand("PUBLISH", ["news", "message \(number)"]))
                    #expect(receivers.integer == 1)
                }
                for number in 0..<100 {
                    #expect(try await iterator.next() == "message \(number)")
                }
            }
            try await eventually("the subscription has ended") {
                try await client.send(RedisCommand("PUBLISH", ["news", "late"])).integer == 0
            }
        }
    }

    @Test("a subscription outlives a restart of the server")
    func restart() async throws {
        try await withServerAndClient { server, client in
            try await client.subscribe("news") { messages in
                try await server.restart()
                try await eventually("subscribed again") {
                    let publish = RedisCommand.repeatable("PUBLISH", ["news", "after"])
                    do {
                        return try await client.send(publish, deadline: .seconds(20)).integer == 1
                    } catch let error as RedisError where error.code == .unreachable {
                        return false
                    }
                }
                var iterator = messages.makeAsyncIterator()
                #expect(try await iterator.next() == "after")
            }
        }
    }

    @Test("a frozen server is noticed, and subscribed to again when it wakes")
    func frozen() async throws {
        try await withServer { server in
            var configuration = server.configuration
            configuration.probeInterval = .milliseconds(500)
            let log = RecordingLog()
            try await RedisClient.withClient(configuration, logger: log.logger) { client in
                try await client.subscribe("news") { messages in
                    let before = try await eventually("one connection is subscribed") {
                        let found = try await subscribers(client)
                        return found.count == 1 ? found : nil
                    }
                    // On a busy machine a server that isn't frozen may be silent for half a second, too.
                    let interruptions = log.interruptions
                    server.freeze()
                    try await eventually("the silence is noticed") { log.interruptions > interruptions }
                    server.resume()
                    try await eventually("subscribed again, on another connection", within: .seconds(90)) {
                        let after = try await subscribers(client)
                        return after.count == 1 && after != before
                    }
                    try await client.send(RedisCommand("PUBLISH", ["news", "after"]))
                    var iterator = messages.makeAsyncIterator()
                    #expect(try await iterator.next() == "after")
                }
            }
        }
    }

    /// The numbers of the connections that are subscribed to something.
    private func subscribers(_ client: RedisClient) async throws -> [Substring] {
        let list = RedisCommand.repeatable("CLIENT", ["LIST"])
        let lines = try await client.send(list, deadline: .seconds(20)).string?.split(separator: "\n") ?? []
        return lines.filter { $0.contains(" sub=1 ") }.compactMap { $0.split(separator: " ").first }
    }

    @Test("a refused subscription throws the server's words")
    func refused() async throws {
        let user = RedisConfiguration.Credentials(user: "deaf", password: "x")
        try await withServer(
            arguments: ["--user", "deaf", "on", ">x", "~*", "resetchannels", "+@all"], credentials: user
        ) { server in
            try await RedisClient.withClient(server.configuration, logger: Logger(label: "test")) { client in
                let error = await #expect(throws: RedisError.self) {
                    try await client.subscribe("news") { _ in Issue.record("subscribed") }
                }
                #expect(error?.code == .server)
                #expect(error?.server?.code == "NOPERM")
            }
        }
    }

    @Test("a subscription waits for its server, and ends with the client")
    func shutdown() async throws {
        try await withServer { server in
            let client = RedisClient(server.configuration, logger: Logger(label: "test"))
            try await client.subscribe("news") { messages in
                client.shutdown()
                var iterator = messages.makeAsyncIterator()
                let last = try await iterator.next()
                #expect(last == nil)
            }
            let error = await #expect(throws: RedisError.self) { try await client.subscribe("news") { _ in } }
            #expect(error?.code == .shuttingDown)
        }
    }

    @Test("a task that is cancelled while it waits for the server ends")
    func cancelled() async throws {
        let port = try freePort()
        let configuration = RedisConfiguration(address: .host("127.0.0.1", port: port))
        let client = RedisClient(configuration, logger: Logger(label: "test"))
        let task = Task { try await client.subscribe("news") { _ in } }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        client.shutdown()
    }
}

extension RecordingLog {
    fileprivate var interruptions: Int { messages.count { $0 == "Subscription interrupted" } }
}
