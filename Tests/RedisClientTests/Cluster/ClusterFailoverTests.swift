import Logging
import NIOConcurrencyHelpers
import RedisClient
import TestNeeds
import TestSupport
import Testing

@Suite("a primary of a cluster that goes", .tags(.cluster), .timeLimit(.minutes(5)))
struct ClusterFailoverTests {
    /// A cluster with a replica each; the primary that serves `foo`, and its replica.
    private func withPair(
        _ body: (RedisCluster, RedisClient, RedisCluster.Member, RedisCluster.Member) async throws -> Void
    ) async throws {
        let cluster = try await RedisCluster.start(replicas: 1)
        var configuration = cluster.configuration
        // Longer than any failover: what fails before fails for a reason.
        configuration.commandDeadline = .seconds(60)
        try await RedisClient.withClient(configuration, logger: Logger(label: "test")) { client in
            let primary = try await cluster.owner(of: "foo")
            let position = try #require(cluster.members.firstIndex { $0.identifier == primary.identifier })
            try await client.pipeline(["foo", "bar", "hello"].map { RedisCommand("SET", [$0, "0"]) })
            // So that nothing is lost with the primary.
            #expect(try await cluster.send(RedisCommand("WAIT", ["1", "5000"]), to: primary).integer == 1)
            try await body(cluster, client, primary, cluster.members[3 + position])
        }
        await cluster.kill()
    }

    @Test("work goes on within five seconds of the new primary, and elsewhere all the time")
    func killed() async throws {
        try await withPair { cluster, client, primary, replica in
            await primary.server.kill()
            async let back: ContinuousClock.Instant = {
                try await client.send(RedisCommand.repeatable("SET", ["foo", "1"]))
                return .now
            }()
            // The other nodes serve until they have noticed, and again when there is a new primary.
            try await client.send(RedisCommand("GET", ["bar"]))
            try await cluster.waitUntilPrimary(replica)
            let promoted = ContinuousClock.now
            let watch = Stopwatch()
            #expect(try await promoted.duration(to: back) - watch.granted < .seconds(5))
            #expect(try await client.send(RedisCommand("GET", ["foo"])).string == "1")
            #expect(client.node(of: "foo")?.description == replica.address)
            #expect(client.isConnected)
        }
    }

    @Test("a frozen one is left for its successor, and not written to when it wakes")
    func frozen() async throws {
        try await withPair { cluster, client, primary, replica in
            primary.server.freeze()
            let lost = try client.begin([RedisCommand("INCR", ["foo"])])
            let repeated = try client.begin([RedisCommand.repeatable("SET", ["{foo}2", "x"])])
            try await cluster.waitUntilPrimary(replica)
            let watch = Stopwatch()
            let error = await #expect(throws: RedisError.self) { try await lost.replies() }
            #expect(error?.code == .outcomeUnknown && error?.mayHaveRun == true)
            #expect(try await repeated.replies().first?.string == "OK")
            #expect(watch.elapsed < .seconds(5))
            try await client.send(RedisCommand("SET", ["foo", "new"]))
            primary.server.resume()
            try await eventually("the old primary follows the new one") {
                try await cluster.send(RedisCommand("ROLE"), to: primary)[0].string == "slave"
            }
            #expect(try await client.send(RedisCommand("GET", ["foo"])).string == "new")
        }
    }

    @Test("a change of roles in good order fails no command, and none runs twice")
    func handedOver() async throws {
        try await withPair { cluster, client, primary, replica in
            let isChanging = NIOLockedValueBox(true)
            let counted = try await withThrowingTaskGroup(of: Int64.self) { group in
                for _ in 0..<3 {
                    group.addTask {
                        var count: Int64 = 0
                        while isChanging.withLockedValue({ $0 }) {
                            try await client.send(RedisCommand("INCR", ["foo"]))
                            count += 1
                        }
                        return count
                    }
                }
                try await cluster.failOver(to: replica)
                try await cluster.failOver(to: primary)
                isChanging.withLockedValue { $0 = false }
                return try await group.reduce(0, +)
            }
            #expect(try await client.send(RedisCommand("GET", ["foo"])).integer == counted)
        }
    }

    @Test("what was on its way when it was killed is unknown, unless it may be repeated; the rest is sent anew")
    func inFlight() async throws {
        try await withPair { cluster, client, primary, replica in
            // It blocks the connection of nobody else: there is one for each node.
            let blocking = try client.begin([RedisCommand("BLPOP", ["{foo}list", "0"])])
            try await eventually("the command blocks") {
                let info = try await cluster.send(RedisCommand("INFO", ["clients"]), to: primary).string ?? ""
                return info.contains("blocked_clients:1")
            }
            let mixed = try client.begin(
                [RedisCommand("GET", ["foo"]), RedisCommand("GET", ["bar"])])
            let held = try client.begin([RedisCommand("INCR", ["foo"])], after: blocking)
            await primary.server.kill()
            let error = await #expect(throws: RedisError.self) { try await blocking.replies() }
            #expect(error?.code == .outcomeUnknown && error?.command == "BLPOP")
            #expect(error?.address == primary.address)
            try await cluster.waitUntilPrimary(replica)
            #expect(try await mixed.replies().map(\.string) == ["0", "0"])
            #expect(try await held.replies().first?.integer == 1)
        }
    }

    @Test("a restarted primary is found again at the same address")
    func restarted() async throws {
        try await withClusterAndClient { cluster, client in
            try await client.send(RedisCommand("SET", ["foo", "1"]))
            let primary = try await cluster.owner(of: "foo")
            try await primary.server.restart()
            // Empty: it keeps nothing on disk but the map.
            #expect(try await client.send(RedisCommand("EXISTS", ["foo"]), deadline: .seconds(60)).integer == 0)
            #expect(client.isConnected)
        }
    }

    @Test("a subscription moves to another node")
    func subscription() async throws {
        try await withPair { cluster, client, _, _ in
            try await client.subscribe("news") { messages in
                let seat = try await eventually("somebody serves the subscription") {
                    for member in cluster.members {
                        let channels = try await cluster.send(RedisCommand("PUBSUB", ["CHANNELS", "news"]), to: member)
                        if channels.count == 1 { return member }
                    }
                    return nil
                }
                await seat.server.kill()
                // Heard wherever it is published: the nodes pass it on to each other.
                let publishing = Task {
                    try await eventually("heard") {
                        let publish = RedisCommand.repeatable("PUBLISH", ["news", "after"])
                        try await client.send(publish)
                        return Task.isCancelled
                    }
                }
                var iterator = messages.makeAsyncIterator()
                #expect(try await iterator.next() == "after")
                publishing.cancel()
            }
        }
    }
}
