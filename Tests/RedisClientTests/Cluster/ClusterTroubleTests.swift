import Logging
import RedisClient
import TestNeeds
import TestSupport
import Testing

@Suite("a cluster in trouble", .tags(.cluster), .timeLimit(.minutes(4)))
struct ClusterTroubleTests {
    /// What a command gets from a cluster at these seeds.
    private func failure(
        _ seeds: [RedisConfiguration.Address], deadline: Duration = .seconds(5),
        _ change: (inout RedisConfiguration) -> Void = { _ in }
    ) async throws -> RedisError {
        var configuration = RedisConfiguration(address: seeds[0])
        configuration.otherSeeds = Array(seeds.dropFirst())
        configuration.topology = .cluster
        configuration.commandDeadline = deadline
        change(&configuration)
        return try await RedisClient.withClient(configuration, logger: Logger(label: "test")) { client in
            let error = await #expect(throws: RedisError.self) { try await client.send(RedisCommand("GET", ["foo"])) }
            #expect(!client.isConnected)
            return try #require(error)
        }
    }

    private func nobody() throws -> RedisConfiguration.Address { .host("127.0.0.1", port: try freePort()) }

    @Test("no seed that answers is said at once, with every reason")
    func unreachable() async throws {
        let (one, two) = (try nobody(), try nobody())
        let alone = try await failure([one], deadline: .seconds(60))
        #expect(alone.code == .unreachable)
        #expect(alone.description == "Redis at \(one): GET: connection refused")
        let both = try await failure([one, two], deadline: .seconds(60))
        #expect(both.code == .unreachable)
        #expect(both.message.hasPrefix("no node of the cluster answers ("))
        #expect(both.message.contains("\(one): connection refused"))
        #expect(both.message.contains("\(two): connection refused"))
    }

    @Test("a seed that is wrong does no harm beside one that is right")
    func oneIsEnough() async throws {
        let cluster = try await RedisCluster.start()
        var configuration = cluster.configuration
        let right = configuration.address
        configuration.address = try nobody()
        configuration.otherSeeds = [try nobody(), try nobody(), try nobody(), right]
        try await RedisClient.withClient(configuration, logger: Logger(label: "test")) { client in
            let reply = try await client.send(RedisCommand("PING"))
            #expect(reply.string == "PONG")
        }
        await cluster.kill()
    }

    @Test("an address that the cluster announces, and that leads nowhere, is said to be announced")
    func announced() async throws {
        let cluster = try await RedisCluster.start(primaries: 1)
        let seed = cluster.configuration.address
        let announce = RedisCommand("CONFIG", ["SET", "cluster-announce-ip", "127.0.0.77"])
        try await RedisClient.withClient(cluster.members[0].server.configuration, logger: Logger(label: "test")) {
            client in
            _ = try await client.send(announce)
        }
        let error = try await failure([seed], deadline: .seconds(2))
        #expect(error.code == .unreachable)
        #expect(error.address?.hasPrefix("127.0.0.77:") == true, "\(error)")
        #expect(error.message.contains("the cluster announces this address"), "\(error)")
        #expect(error.message.contains("cluster-announce-ip"), "\(error)")
        await cluster.kill()
    }

    @Test("a server that is in no cluster is called that")
    func notInCluster() async throws {
        try await withServer { server in
            let error = try await failure([server.configuration.address])
            #expect(error.code == .server)
            #expect(
                error.message
                    == "the server is not part of a cluster (“ERR This instance has cluster support disabled”): "
                    + "expected redis:// instead of redis+cluster://")
        }
    }

    @Test("a node of a cluster that is taken for a single server says where the key is")
    func takenForOne() async throws {
        let cluster = try await RedisCluster.start()
        let owner = try await cluster.owner(of: "foo")
        let other = try #require(cluster.members.first { $0.identifier != owner.identifier })
        try await RedisClient.withClient(other.server.configuration, logger: Logger(label: "test")) { client in
            let error = await #expect(throws: RedisError.self) { try await client.send(RedisCommand("GET", ["foo"])) }
            #expect(error?.message == "MOVED \(RedisSlot.of("foo")) \(owner.address)")
            #expect(!client.isCluster)
        }
        await cluster.kill()
    }

    @Test("a wrong password is refused at once, by the name of the node")
    func password() async throws {
        var options = RedisCluster.Options()
        options.credentials = RedisConfiguration.Credentials(password: "right")
        options.arguments = ["--requirepass", "right", "--masterauth", "right"]
        let cluster = try await RedisCluster.start(primaries: 1, options: options)
        let address = cluster.configuration.address
        let wrong = try await failure([address], deadline: .seconds(60)) {
            $0.credentials = RedisConfiguration.Credentials(password: "wrong")
        }
        #expect(wrong.code == .authentication)
        #expect(wrong.description.hasPrefix("Redis at \(address): GET: signing in was refused (“WRONGPASS"))
        let none = try await failure([address], deadline: .seconds(60))
        #expect(none.code == .authentication)
        await cluster.kill()
    }

    @Test("a user who may not ask for the map is told which command is missing")
    func permission() async throws {
        var options = RedisCluster.Options()
        options.credentials = RedisConfiguration.Credentials(user: "admin", password: "right")
        options.arguments = [
            "--user", "admin", "on", ">right", "~*", "&*", "+@all", "--user", "worker", "on", ">right", "~*", "+@all",
            "-cluster",
        ]
        let cluster = try await RedisCluster.start(primaries: 1, options: options)
        let error = try await failure([cluster.configuration.address], deadline: .seconds(60)) {
            $0.credentials = RedisConfiguration.Credentials(user: "worker", password: "right")
        }
        #expect(error.server?.code == "NOPERM")
        #expect(error.message.contains("cluster|slots"))
        await cluster.kill()
    }

    @Test("a slot that nobody serves is named; the others work")
    func uncovered() async throws {
        var options = RedisCluster.Options()
        options.arguments = ["--cluster-require-full-coverage", "no"]
        try await withClusterAndClient(options: options) { cluster, client in
            let slot = RedisSlot.of("foo")
            for member in cluster.members {
                try await cluster.send(RedisCommand("CLUSTER", ["DELSLOTS", "\(slot)"]), to: member)
            }
            try await client.send(RedisCommand("GET", ["bar"]))
            let error = await #expect(throws: RedisError.self) {
                try await client.send(RedisCommand("GET", ["foo"]), deadline: .milliseconds(500))
            }
            #expect(error?.code == .unreachable)
            #expect(
                error?.description == "Redis: GET: no node serves slot 12182: "
                    + "the cluster covers 16383 of 16384 slots (see CLUSTER INFO)")
            #expect(try await client.send(RedisCommand("GET", ["bar"])).isNull)
            #expect(!client.isConnected)
            try await cluster.send(RedisCommand("CLUSTER", ["ADDSLOTS", "\(slot)"]), to: cluster.members[0])
            #expect(try await client.send(RedisCommand("GET", ["foo"]), deadline: .seconds(60)).isNull)
        }
    }

    @Test("a cluster that has lost too many nodes is waited for, within the deadline")
    func down() async throws {
        try await withClusterAndClient { cluster, client in
            try await client.send(RedisCommand("SET", ["foo", "1"]))
            let owner = try await cluster.owner(of: "foo")
            let others = cluster.members.filter { $0.identifier != owner.identifier }
            for member in others { member.server.freeze() }
            try await eventually("the node has given up") {
                try await cluster.send(RedisCommand("CLUSTER", ["INFO"]), to: owner).string?.contains(
                    "cluster_state:fail")
                    == true
            }
            let error = try await eventually("the node's answer is there within the deadline") { () -> RedisError? in
                let error = await #expect(throws: RedisError.self) {
                    try await client.send(RedisCommand("GET", ["foo"]), deadline: .milliseconds(300))
                }
                return error?.server == nil ? nil : error
            }
            #expect(error.server?.code == "CLUSTERDOWN")
            #expect(error.address == owner.address)
            async let later = client.send(RedisCommand("GET", ["foo"]), deadline: .seconds(60))
            for member in others { member.server.resume() }
            #expect(try await later.string == "1")
        }
    }

    @Test("a shutdown ends what waits for a node, and a cancelled caller waits no longer")
    func ends() async throws {
        try await withServer { server in
            server.freeze()
            var configuration = server.configuration
            configuration.topology = .cluster
            let client = RedisClient(configuration, logger: Logger(label: "test"))
            let running = Task { try await client.run() }
            let waiting = Task { try await client.send(RedisCommand("GET", ["foo"]), deadline: .seconds(60)) }
            let cancelled = Task { try await client.send(RedisCommand("GET", ["foo"]), deadline: .seconds(60)) }
            cancelled.cancel()
            let first = await #expect(throws: RedisError.self) { try await cancelled.value }
            #expect(first?.code == .cancelled)
            client.shutdown()
            let second = await #expect(throws: RedisError.self) { try await waiting.value }
            // Or that the server is silent, where this machine is slow to come to the shutdown.
            #expect(second?.code == .shuttingDown || second?.code == .unreachable)
            try await running.value
            let third = await #expect(throws: RedisError.self) { try await client.send(RedisCommand("PING")) }
            #expect(third?.code == .shuttingDown)
            await #expect(throws: RedisError.self) { try await client.primaries() }
        }
    }
}
