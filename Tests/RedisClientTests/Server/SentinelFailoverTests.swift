import Logging
import RedisClient
import TestNeeds
import TestSupport
import Testing

@Suite("a failover by Sentinels", .tags(.cluster), .timeLimit(.minutes(4)))
struct SentinelFailoverTests {
    /// The most that may pass between a new primary and the first command it answers.
    private static let limit = Duration.seconds(5)

    private func role(_ client: RedisClient) async throws -> String? {
        try await client.send(RedisCommand("ROLE"))[0].string
    }

    /// Sends until it is answered, and answers how long that took.
    private func untilAnswered(_ client: RedisClient, _ words: String...) async throws -> Duration {
        let watch = Stopwatch()
        let command = RedisCommand.repeatable(words[0], Array(words.dropFirst()))
        try await eventually("\(words[0]) is answered", every: .milliseconds(5)) {
            do {
                try await client.send(command)
                return true
            } catch let error as RedisError where [.unreachable, .timedOut, .outcomeUnknown].contains(error.code) {
                return false
            }
        }
        return watch.elapsed
    }

    private func blocked(_ group: RedisSentinels, _ server: RedisServer) async throws {
        try await eventually("a command blocks") {
            let info = try await group.send("INFO", "clients", to: server).string ?? ""
            return info.contains("blocked_clients:1")
        }
    }

    @Test("of a killed primary: what was sent is unknown, what may run twice is sent to the new one")
    func killed() async throws {
        try await withSentinelsAndClient { group, client in
            let old = group.servers[0]
            #expect(try await role(client) == "master")
            try await client.send(RedisCommand("SET", ["before", "1"]))
            try await client.send(RedisCommand("WAIT", ["2", "5000"]))
            let once = try client.begin([RedisCommand("BLPOP", ["none", "0"])], deadline: .seconds(50))
            try await blocked(group, old)
            let again = try client.begin(
                [RedisCommand("GET", ["before"])], after: once, deadline: .seconds(50))
            await old.kill()
            let error = await #expect(throws: RedisError.self) { try await once.replies() }
            #expect(error?.code == .outcomeUnknown)
            let new = try await group.waitForAnother(than: old)
            let time = try await untilAnswered(client, "SET", "after", "1")
            #expect(time < Self.limit)
            #expect(try await again.replies().first?.string == "1")
            #expect(try await group.send("GET", "after", to: new).string == "1")
            #expect(try await role(client) == "master")
        }
    }

    // The primary is frozen | the Sentinels choose another | it wakes, and takes itself for the primary for 10 s
    // a command waits       | the client hears of it       | the client never sends it anything
    @Test("of a frozen primary: the client lets go of it, and doesn't write to it when it wakes")
    func frozen() async throws {
        try await withSentinelsAndClient { group, client in
            let old = group.servers[0]
            try await client.send(RedisCommand("SET", ["before", "1"]))
            old.freeze()
            let stuck = try client.begin([RedisCommand("APPEND", ["stuck", "x"])], deadline: .seconds(100))
            let new = try await group.waitForAnother(than: old)
            let error = await #expect(throws: RedisError.self) { try await stuck.replies() }
            #expect(error?.code == .outcomeUnknown)
            #expect(error?.message.contains("the primary is now 127.0.0.1:\(new.port)") == true)
            let time = try await untilAnswered(client, "SET", "after", "1")
            #expect(time < Self.limit)
            old.resume()
            for number in 0..<100 { try await client.send(RedisCommand("RPUSH", ["list", "\(number)"])) }
            #expect(try await group.send("EXISTS", "after", "list", to: old).integer == 0)
            #expect(try await group.send("LLEN", "list", to: new).integer == 100)
        }
    }

    @Test("in good order: the client moves on before the old primary becomes a replica")
    func planned() async throws {
        try await withSentinelsAndClient { group, client in
            let old = group.servers[0]
            try await client.send(RedisCommand("SET", ["before", "1"]))
            try await group.failOver()
            let new = try await group.waitForAnother(than: old)
            let time = try await untilAnswered(client, "SET", "after", "1")
            #expect(time < Self.limit)
            try await eventually("the client writes to the new primary") {
                try await client.send(RedisCommand.repeatable("SET", ["late", "1"]), deadline: .seconds(20))
                return try await group.send("GET", "late", to: new).string == "1"
            }
        }
    }

    @Test("is followed by subscriptions")
    func subscription() async throws {
        try await withSentinelsAndClient { group, client in
            try await client.subscribe("news") { messages in
                let old = group.servers[0]
                old.freeze()
                let new = try await group.waitForAnother(than: old)
                try await eventually("subscribed at the new primary") {
                    try await group.send("PUBLISH", "news", "after", to: new).integer == 1
                }
                var iterator = messages.makeAsyncIterator()
                #expect(try await iterator.next() == "after")
                old.resume()
            }
        }
    }

    @Test("is followed by a client that knew one Sentinel, which has gone or hangs", arguments: [true, false])
    func learned(isGone: Bool) async throws {
        try await withSentinels { group in
            var configuration = group.configuration
            configuration.otherSeeds = []
            try await RedisClient.withClient(configuration, logger: Logger(label: "test")) { client in
                try await client.send(RedisCommand("SET", ["before", "1"]))
                if isGone { await group.sentinels[0].kill() } else { group.sentinels[0].freeze() }
                await group.servers[0].kill()
                let new = try await group.waitForAnother(than: group.servers[0], accordingTo: 1)
                let time = try await untilAnswered(client, "SET", "after", "1")
                #expect(time < Self.limit)
                #expect(try await group.send("GET", "after", to: new).string == "1")
            }
        }
    }

    @Test(
        "with passwords and TLS everywhere is followed too",
        .enabled("redis-server has no TLS", { try await RedisServer.hasTLS })
    )
    func secured() async throws {
        let certificates = try await Certificates.make()
        var options = RedisSentinels.Options()
        options.transport = .tls(certificates)
        options.credentials = .init(user: "worker", password: "data")
        options.sentinelCredentials = .init(user: "asker", password: "watch")
        options.arguments = ["--user", "worker", "on", ">data", "~*", "&*", "+@all"]
        options.sentinelLines = [
            "user asker on >watch +ping +client|setname +sentinel|get-master-addr-by-name +sentinel|sentinels "
                + "+sentinel|master +sentinel|replicas",
            "user default on nopass &* +@all",
        ]
        try await withSentinelsAndClient(options: options) { group, client in
            let old = group.servers[0]
            try await client.send(RedisCommand("SET", ["before", "1"]))
            await old.kill()
            _ = try await group.waitForAnother(than: old)
            let time = try await untilAnswered(client, "SET", "after", "1")
            #expect(time < Self.limit)
        }
        try certificates.remove()
    }
}
