import Logging
import NIOCore
import RedisClient
import TestNeeds
import TestSupport
import Testing

@Suite("a server that lets nobody in", .tags(.ownServer), .timeLimit(.minutes(4)))
struct UnreachableTests {
    private func failure(_ configuration: RedisConfiguration) async throws -> RedisError? {
        try await RedisClient.withClient(configuration, logger: Logger(label: "test")) { client in
            await #expect(throws: RedisError.self) {
                try await client.send(RedisCommand("PING"), deadline: .seconds(50))
            }
        }
    }

    @Test("where nobody listens, the first command says so at once")
    func refused() async throws {
        let port = try freePort()
        let watch = Stopwatch()
        let error = try await failure(RedisConfiguration(address: .host("127.0.0.1", port: port)))
        #expect(error?.code == .unreachable)
        #expect(error?.description == "Redis at 127.0.0.1:\(port): PING: connection refused")
        #expect(watch.elapsed < .seconds(40))
    }

    @Test("a socket that isn't there is named")
    func noSocket() async throws {
        let error = try await failure(RedisConfiguration(address: .unixSocket(path: "/nowhere/redis.sock")))
        #expect(error?.description == "Redis at /nowhere/redis.sock: PING: the socket does not exist")
        let long = String(repeating: "x", count: 200)
        let second = try await failure(RedisConfiguration(address: .unixSocket(path: "/\(long)")))
        #expect(second?.message == "the path of the socket is too long")
    }

    @Test("a host that isn't known is named")
    func unknownHost() async throws {
        let error = try await failure(RedisConfiguration(address: .host("no-such-host.invalid", port: 1)))
        #expect(error?.code == .unreachable)
        #expect(error?.message == "the host no-such-host.invalid is unknown")
    }

    @Test("a client waits for its server to come up when asked again")
    func comesUpLater() async throws {
        try await withServer { server in
            await server.kill()
            try await RedisClient.withClient(server.configuration, logger: Logger(label: "test")) { client in
                await #expect(throws: RedisError.self) { try await client.send(RedisCommand("PING")) }
                try await server.restart()
                try await eventually("the server is back") {
                    do {
                        return try await client.send(RedisCommand("PING")).string == "PONG"
                    } catch let error as RedisError where error.code == .unreachable {
                        return false
                    }
                }
            }
        }
    }

    @Test("no more clients than the server takes: its words reach the user")
    func maximumOfClients() async throws {
        try await withServerAndClient { server, client in
            try await client.send(RedisCommand("CONFIG", ["SET", "maxclients", "1"]))
            let error = try await failure(server.configuration)
            #expect(error?.code == .unreachable)
            #expect(error?.message == "the server answered “ERR max number of clients reached”")
        }
    }

    @Test("a wrong password and a missing one are refused in the server's words")
    func wrongPassword() async throws {
        let right = RedisConfiguration.Credentials(password: "right")
        try await withServer(arguments: ["--requirepass", "right"], credentials: right) { server in
            var configuration = server.configuration
            configuration.credentials?.password = "wrong"
            let wrong = try await failure(configuration)
            #expect(wrong?.code == .authentication)
            #expect(wrong?.message.contains("WRONGPASS") == true)
            #expect(wrong?.description.contains("wrong ") == false)
            configuration.credentials = nil
            let missing = try await failure(configuration)
            #expect(missing?.code == .authentication)
            #expect(missing?.message == "the server requires a password (“NOAUTH Authentication required.”)")
            try await RedisClient.withClient(server.configuration, logger: Logger(label: "test")) { client in
                let pong = try await client.send(RedisCommand("PING"))
                #expect(pong.string == "PONG")
            }
        }
    }

    @Test("an ACL user can do what it may, and is told what it may not")
    func aclUser() async throws {
        let user = RedisConfiguration.Credentials(user: "worker", password: "p@ss/word")
        let rights = ["--user", "worker", "on", ">p@ss/word", "~jobs:*", "+get", "+set"]
        try await withServer(arguments: rights, credentials: user) { server in
            try await RedisClient.withClient(server.configuration, logger: Logger(label: "test")) { client in
                let set = try await client.send(RedisCommand("SET", ["jobs:1", "x"]))
                #expect(set.string == "OK")
                let key = await #expect(throws: RedisError.self) {
                    try await client.send(RedisCommand("GET", ["other"]))
                }
                #expect(key?.server?.code == "NOPERM")
                let command = await #expect(throws: RedisError.self) { try await client.send(RedisCommand("FLUSHALL")) }
                #expect(command?.server?.code == "NOPERM")
            }
        }
    }

    @Test("a database that isn't there is refused, never replaced by another")
    func selectOutOfRange() async throws {
        try await withServer { server in
            var configuration = server.configuration
            configuration.database = 99
            let error = try await failure(configuration)
            #expect(error?.code == .server)
            #expect(error?.message == "the database cannot be selected (“ERR DB index is out of range”)")
        }
    }

    @Test("a server that only listens is given up in time")
    func listensOnly() async throws {
        try await FakeServer.withServer(answer: { _, _ in "" }) { server in
            var configuration = server.configuration
            configuration.connectTimeout = .milliseconds(200)
            let error = try await failure(configuration)
            #expect(error?.code == .unreachable)
            #expect(error?.message == "connected, but no answer within 0.2 seconds")
        }
    }

    @Test("of a server that only listens a command that gives up first says the same")
    func listensLonger() async throws {
        try await FakeServer.withServer(answer: { _, _ in "" }) { server in
            var configuration = server.configuration
            configuration.connectTimeout = .seconds(50)
            try await RedisClient.withClient(configuration, logger: Logger(label: "test")) { client in
                let error = await #expect(throws: RedisError.self) {
                    try await client.send(RedisCommand("PING"), deadline: .seconds(2))
                }
                #expect(error?.message == "connected, but no answer within 2.0 seconds")
                #expect(error?.code == .timedOut && error?.mayHaveRun == false)
            }
        }
    }

    @Test("a password that may have been encoded for a URL is told to stand for itself, and isn't shown")
    func encodedPassword() async throws {
        let right = RedisConfiguration.Credentials(password: "a/b")
        try await withServer(arguments: ["--requirepass", "a/b"], credentials: right) { server in
            var configuration = server.configuration
            configuration.credentials?.password = "a%2Fb"
            let error = try await failure(configuration)
            #expect(error?.message.contains("is used literally") == true && error?.message.contains("2F") == false)
        }
    }

    @Test("without run, a command fails at its deadline")
    func neverRun() async throws {
        let client = RedisClient(
            RedisConfiguration(address: .host("127.0.0.1", port: 1)), logger: Logger(label: "test"))
        let error = await #expect(throws: RedisError.self) {
            try await client.send(RedisCommand("PING"), deadline: .milliseconds(50))
        }
        #expect(error?.code == .timedOut)
        #expect(error?.mayHaveRun == false)
        client.shutdown()
    }
}
