import Logging
import RedisClient
import TestNeeds
import TestSupport
import Testing

@Suite("Sentinels in trouble", .tags(.cluster), .timeLimit(.minutes(4)))
struct SentinelTroubleTests {
    private func outcome(
        _ configuration: RedisConfiguration, _ command: RedisCommand = RedisCommand("PING")
    ) async throws -> String {
        try await RedisClient.withClient(configuration, logger: Logger(label: "test")) { client in
            do {
                return try await client.send(command, deadline: .seconds(50)).string ?? ""
            } catch let error as RedisError {
                return "\(error.code): \(error)"
            }
        }
    }

    private func configuration(_ seeds: [RedisConfiguration], name: String = "main") -> RedisConfiguration {
        var configuration = RedisConfiguration(address: seeds[0].address)
        configuration.otherSeeds = seeds.dropFirst().map(\.address)
        configuration.topology = .sentinel(.init(name: name))
        return configuration
    }

    private func away() throws -> RedisConfiguration {
        RedisConfiguration(address: .host("127.0.0.1", port: try freePort()))
    }

    /// A Sentinel that names this server, whatever it is.
    private func answer(naming server: RedisServer, as host: String = "127.0.0.1") -> FakeServer.Answer {
        { _, text in
            let words = [host, "\(server.port)"]
            let address = "*2\r\n" + words.map { "$\($0.utf8.count)\r\n\($0)\r\n" }.joined()
            let others = text.contains("SENTINELS") ? "*0\r\n" : ""
            return FakeServer.signIn(text, otherwise: address + others)
        }
    }

    @Test("where none is there, each is named with what is wrong, within seconds")
    func noneThere() async throws {
        let (first, second) = (try away(), try away())
        let text = try await outcome(configuration([first, second]))
        #expect(
            text == "unreachable: Redis at main: PING: no Sentinel says where the primary is "
                + "(\(first.address): connection refused; \(second.address): connection refused)")
    }

    @Test("one that is away, one that hangs and one that knows nothing are passed over")
    func passedOver() async throws {
        try await withServer { server in
            try await FakeServer.withServer(answer: { _, _ in "" }) { hanging in
                let ignorant: FakeServer.Answer = { _, text in FakeServer.signIn(text, otherwise: "*-1\r\n*0\r\n") }
                try await FakeServer.withServer(answer: ignorant) { ignorant in
                    try await FakeServer.withServer(answer: answer(naming: server)) { right in
                        let seeds = [try away(), hanging.configuration, ignorant.configuration, right.configuration]
                        #expect(try await outcome(configuration(seeds)) == "PONG")
                        let failure = try await outcome(configuration(Array(seeds.dropLast())))
                        let reasons = [
                            "\(seeds[0].address): connection refused",
                            "no answer within 1.0 seconds",
                            "\(seeds[2].address): it has no primary named “main” "
                                + "(SENTINEL MASTERS lists its primaries)",
                        ]
                        for reason in reasons { #expect(failure.contains(reason)) }
                    }
                }
            }
        }
    }

    @Test("a host name that a Sentinel tells is used as it is told")
    func hostName() async throws {
        try await withServer { server in
            try await FakeServer.withServer(answer: answer(naming: server, as: "localhost")) { sentinel in
                #expect(try await outcome(configuration([sentinel.configuration])) == "PONG")
                let get = try await outcome(configuration([sentinel.configuration]), RedisCommand("HGET", ["key"]))
                #expect(get.hasPrefix("server: Redis at localhost:\(server.port): HGET: ERR wrong number of arguments"))
            }
            try await FakeServer.withServer(answer: answer(naming: server, as: "nobody.invalid")) { sentinel in
                let text = try await outcome(configuration([sentinel.configuration]))
                #expect(
                    text == "unreachable: Redis at nobody.invalid:\(server.port): PING: "
                        + "the host nobody.invalid is unknown")
            }
        }
    }

    @Test("a server that is no Sentinel is told from one")
    func noSentinel() async throws {
        try await withServer { server in
            let text = try await outcome(configuration([server.configuration]))
            #expect(text.contains("\(server.configuration.address): this is not a Sentinel (“ERR unknown command"))
        }
    }

    @Test("a Sentinel that names a replica is not believed, and another is asked")
    func replicaNamed() async throws {
        try await withServer { primary in
            try await withServer(arguments: ["--replicaof", "127.0.0.1 \(primary.port)"]) { replica in
                try await FakeServer.withServer(answer: answer(naming: replica)) { stale in
                    let only = try await outcome(configuration([stale.configuration]))
                    #expect(
                        only == "notPrimary: Redis at 127.0.0.1:\(replica.port): PING: a Sentinel names this "
                            + "server as the primary, but it is a replica of 127.0.0.1:\(primary.port): "
                            + "the Sentinel is out of date")
                    try await FakeServer.withServer(answer: answer(naming: primary)) { right in
                        try await RedisClient.withClient(
                            configuration([stale.configuration, right.configuration]), logger: Logger(label: "test")
                        ) { client in
                            let set = RedisCommand.repeatable("SET", ["key", "value"])
                            try await eventually("the other is asked") {
                                do {
                                    return try await client.send(set).string == "OK"
                                } catch let error as RedisError where error.code == .notPrimary {
                                    return false
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    @Test("a primary that becomes a replica is let go with its first refusal; what it refused is for the next one")
    func demoted() async throws {
        try await withServer { server in
            try await FakeServer.withServer(answer: answer(naming: server)) { sentinel in
                try await RedisClient.withClient(
                    configuration([sentinel.configuration]), logger: Logger(label: "test")
                ) { client in
                    let set = RedisCommand.repeatable("SET", ["key", "value"])
                    try await client.send(set)
                    let direct = server.configuration
                    let nowhere = try await outcome(direct, RedisCommand("REPLICAOF", ["127.0.0.1", "1"]))
                    #expect(nowhere == "OK")
                    let once = try client.begin([RedisCommand("INCR", ["count"])], deadline: .seconds(50))
                    try await eventually("the connection is given up") { !client.isConnected }
                    let refused = await #expect(throws: RedisError.self) {
                        try await client.send(set, deadline: .milliseconds(500))
                    }
                    #expect(refused?.mayHaveRun == false)
                    let back = try await outcome(direct, RedisCommand("REPLICAOF", ["NO", "ONE"]))
                    #expect(back == "OK")
                    #expect(try await once.replies().first?.integer == 1)
                }
            }
        }
    }

    @Test("a wrong password of the Sentinels is told from one of the server")
    func passwords() async throws {
        let right = RedisConfiguration.Credentials(password: "data")
        try await withServer(arguments: ["--requirepass", "data"], credentials: right) { server in
            try await FakeServer.withServer(answer: answer(naming: server)) { sentinel in
                let text = try await outcome(configuration([sentinel.configuration]))
                #expect(text.hasPrefix("authentication: Redis at 127.0.0.1:\(server.port): PING: the server requires"))
            }
        }
        let lines = "requirepass watch\nsentinel monitor main 127.0.0.1 1 2\n"
        let sentinel = try await RedisServer.start(credentials: .init(password: "watch"), sentinel: lines)
        let missing = try await outcome(configuration([sentinel.configuration]))
        #expect(missing.hasPrefix("authentication: Redis at main: PING: no Sentinel says where the primary is"))
        #expect(missing.contains("\(sentinel.configuration.address): the server requires a password"))
        var wrong = configuration([sentinel.configuration])
        wrong.topology = .sentinel(.init(name: "main", credentials: .init(password: "other")))
        let refused = try await outcome(wrong)
        #expect(refused.contains("signing in was refused (“WRONGPASS"))
        await sentinel.kill()
    }

    @Test(
        "the certificate of a Sentinel that has expired is said to be",
        .enabled("redis-server has no TLS", { try await RedisServer.hasTLS })
    )
    func expired() async throws {
        var certificates = try await Certificates.make()
        certificates.shown = "expired"
        let sentinel = try await RedisServer.start(
            .tls(certificates), tls: certificates.trustingAnybody, sentinel: "sentinel monitor main 127.0.0.1 1 2\n")
        var asking = configuration([sentinel.configuration])
        asking.tls = certificates.client
        let text = try await outcome(asking)
        #expect(text.contains("(\(sentinel.configuration.address): TLS: ") && text.contains("expired"))
        await sentinel.kill()
        try certificates.remove()
    }

    @Test("Sentinels that go away leave the connection to the primary as it is")
    func gone() async throws {
        try await withSentinelsAndClient { group, client in
            let first = try await client.send(RedisCommand("CLIENT", ["ID"])).integer
            for sentinel in group.sentinels { await sentinel.kill() }
            // Longer than a client waits before it asks again, and than it waits for an answer.
            let wait = RedisCommand("BLPOP", ["none", "3"])
            #expect(try await client.send(wait, deadline: .seconds(50)).isNull)
            #expect(try await client.send(RedisCommand("CLIENT", ["ID"])).integer == first)
        }
    }
}
