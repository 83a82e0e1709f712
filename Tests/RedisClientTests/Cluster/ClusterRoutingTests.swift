import Logging
import RedisClient
import TestNeeds
import TestSupport
import Testing

@Suite("commands in a cluster", .tags(.cluster), .timeLimit(.minutes(4)))
struct ClusterRoutingTests {
    @Test("each goes to the node of its key, all in one pipeline, and the replies come in order")
    func pipelines() async throws {
        try await withClusterAndClient { cluster, client in
            let numbers = 0..<500
            try await client.pipeline(numbers.map { RedisCommand("SET", ["key:\($0)", "\($0)"]) })
            var commands = numbers.map { RedisCommand("GET", ["key:\($0)"]) }
            commands[250] = RedisCommand("HGET", ["key:250", "field"])
            let replies = try await client.pipeline(commands)
            for number in numbers where number != 250 { #expect(replies[number].string == "\(number)") }
            #expect(replies[250].error?.code == "WRONGTYPE")

            let primaries = try await client.primaries()
            #expect(Set(primaries.map(\.description)) == Set(cluster.members.map(\.address)))
            var total: Int64 = 0
            for primary in primaries {
                let count = try await client.send(RedisCommand("DBSIZE"), to: primary).integer ?? 0
                #expect(count > 100)
                total += count
            }
            #expect(total == 500)
            #expect(client.isConnected && client.isCluster)
        }
    }

    @Test("those without a key go to the node of the home key, those for one node to that one")
    func nodes() async throws {
        let cluster = try await RedisCluster.start()
        for key in ["{curfew}:schedule", "foo", "hello"] {
            var configuration = cluster.configuration
            configuration.homeKey = key
            try await RedisClient.withClient(configuration, logger: Logger(label: "test")) { client in
                let owner = try await cluster.owner(of: key)
                let identifier = RedisCommand("CLUSTER", ["MYID"])
                #expect(try await client.send(identifier).string == owner.identifier)
                #expect(try await client.send(RedisCommand("TIME")).count == 2)
                let node = try #require(client.node(of: key))
                #expect(node.description == owner.address)
                #expect(try await client.send(identifier, to: node).string == owner.identifier)
                #expect(try await client.pipeline([identifier, identifier], to: node).count == 2)
            }
        }
        await cluster.kill()
    }

    @Test("functions go by their first key, and a function without keys to any node that is named")
    func functions() async throws {
        try await withClusterAndClient { cluster, client in
            let code = """
                #!lua name=test
                redis.register_function('mine', function(keys) return redis.call('INCR', keys[1]) end)
                redis.register_function{function_name='any', flags={'allow-cross-slot-keys'},
                    callback=function(_, names) return redis.call('GET', names[1]) end}
                """
            for primary in try await client.primaries() {
                try await client.send(RedisCommand("FUNCTION", ["LOAD", code]), to: primary)
            }
            for key in ["foo", "bar", "hello"] {
                #expect(try await client.send(RedisCommand("FCALL", ["mine", "1", key])).integer == 1)
                let node = try #require(client.node(of: key))
                let pending = try client.begin([RedisCommand("FCALL", ["any", "0", key])], on: node)
                #expect(try await pending.replies().first?.string == "1")
                #expect(pending.elapsed > .zero)
            }
        }
    }

    @Test("keys of one command that don't share a slot are refused, saying why")
    func crossSlot() async throws {
        try await withClusterAndClient { cluster, client in
            let error = await #expect(throws: RedisError.self) {
                try await client.send(RedisCommand("MSET", ["foo", "1", "bar", "2"]))
            }
            let address = try await cluster.owner(of: "foo").address
            #expect(
                error?.description
                    == "Redis at \(address): MSET: CROSSSLOT Keys in request don't hash to the same slot "
                    + "(in a cluster, the keys of one command must have the same text between { and })")
            try await client.send(RedisCommand("MSET", ["{x}foo", "1", "{x}bar", "2"]))
        }
    }

    @Test("what is begun after something else waits for it on the same node")
    func successors() async throws {
        try await withClusterAndClient { _, client in
            // Connected, and the map known.
            try await client.send(RedisCommand("PING"))
            for number in 0..<50 {
                let first = try client.begin([
                    RedisCommand("SET", ["foo", "\(number)"]), RedisCommand("SET", ["bar", "x"]),
                ])
                let second = try client.begin([RedisCommand("GET", ["foo"])], after: first)
                #expect(try await second.replies().first?.string == "\(number)")
                #expect(try await first.replies().map(\.string) == ["OK", "OK"])
            }
        }
    }

    @Test(
        "with a user, a password and TLS on every node",
        .enabled("redis-server has no TLS", { try await RedisServer.hasTLS })
    )
    func secured() async throws {
        let certificates = try await Certificates.make()
        var options = RedisCluster.Options()
        options.transport = .tls(certificates)
        options.credentials = .init(user: "worker", password: "s3cret")
        options.arguments = [
            "--user", "worker", "on", ">s3cret", "~*", "&*", "+@all", "--user", "default", "off", "--masteruser",
            "worker",
            "--masterauth", "s3cret",
        ]
        try await withClusterAndClient(options: options) { cluster, client in
            try await client.pipeline(["foo", "bar", "hello"].map { RedisCommand("SET", [$0, "1"]) })
            let slot = RedisSlot.of("foo")
            let source = try await cluster.owner(of: slot)
            let target = try #require(cluster.members.first { $0.identifier != source.identifier })
            try await cluster.move(slot: slot, to: target)
            #expect(try await client.send(RedisCommand("GET", ["foo"])).string == "1")
            #expect(client.node(of: "foo")?.description == target.address)
        }
        try certificates.remove()
    }
}
