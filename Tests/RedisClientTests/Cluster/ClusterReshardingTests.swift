import NIOConcurrencyHelpers
import RedisClient
import TestNeeds
import TestSupport
import Testing

@Suite("slots on the move", .tags(.cluster), .timeLimit(.minutes(4)))
struct ClusterReshardingTests {
    /// A primary that doesn't serve the key.
    private func other(than key: String, in cluster: RedisCluster) async throws -> RedisCluster.Member {
        let owner = try await cluster.owner(of: key)
        return try #require(cluster.members.first { $0.identifier != owner.identifier })
    }

    /// How often a server has answered with an error.
    private func count(of error: String, by member: RedisCluster.Member, of cluster: RedisCluster) async throws -> Int {
        let stats = try await cluster.send(RedisCommand("INFO", ["errorstats"]), to: member).string ?? ""
        let line = stats.split(whereSeparator: \.isNewline).first { $0.hasPrefix("errorstat_\(error):count=") }
        return line.flatMap { Int($0.drop { $0 != "=" }.dropFirst()) } ?? 0
    }

    @Test("a slot that has moved is followed, and asked for at its new node from then on")
    func moved() async throws {
        try await withClusterAndClient { cluster, client in
            try await client.send(RedisCommand("SET", ["foo", "1"]))
            let source = try await cluster.owner(of: "foo")
            let target = try await other(than: "foo", in: cluster)
            try await cluster.move(slot: RedisSlot.of("foo"), to: target)
            #expect(client.node(of: "foo")?.description == source.address)
            // Not idempotent: it runs once, wherever it is sent.
            #expect(try await client.send(RedisCommand("INCR", ["foo"])).integer == 2)
            #expect(client.node(of: "foo")?.description == target.address)
            let before = try await count(of: "MOVED", by: source, of: cluster)
            #expect(before >= 1)
            #expect(
                try await client.pipeline([RedisCommand("GET", ["foo"]), RedisCommand("GET", ["bar"])])[0].string == "2"
            )
            #expect(try await count(of: "MOVED", by: source, of: cluster) == before)
        }
    }

    @Test("of a slot on the way, the keys that have gone are found there and the others here")
    func asking() async throws {
        try await withClusterAndClient { cluster, client in
            let keys = (0..<40).map { "{foo}:\($0)" }
            try await client.pipeline(keys.map { RedisCommand("SET", [$0, "0"]) })
            let target = try await other(than: "foo", in: cluster)
            let slot = RedisSlot.of("foo")
            let source = try await cluster.beginMoving(slot: slot, to: target)
            try await cluster.moveKeys(of: slot, from: source, to: target, count: 15)
            let mixed = keys + ["bar", "hello"]
            let replies = try await client.pipeline(mixed.map { RedisCommand("INCR", [$0]) })
            #expect(replies.allSatisfy { $0.integer == 1 })
            #expect(client.node(of: "foo")?.description == source.address)
            #expect(try await count(of: "ASK", by: source, of: cluster) == 15)

            // A new key is made at the target, where the slot is going.
            try await client.send(RedisCommand("SET", ["{foo}:new", "1"]))
            try await cluster.moveKeys(of: slot, from: source, to: target, count: 100)
            try await cluster.finishMoving(slot: slot, from: source, to: target)
            let after = try await client.pipeline((keys + ["{foo}:new"]).map { RedisCommand("GET", [$0]) })
            #expect(after.allSatisfy { $0.string == "1" })
        }
    }

    @Test("a command whose keys are here and there waits until they are together again")
    func tryAgain() async throws {
        try await withClusterAndClient { cluster, client in
            try await client.send(RedisCommand("MSET", ["{foo}1", "a", "{foo}2", "b"]))
            let target = try await other(than: "foo", in: cluster)
            let slot = RedisSlot.of("foo")
            let source = try await cluster.beginMoving(slot: slot, to: target)
            try await cluster.move(keys: ["{foo}1"], from: source, to: target)
            async let values = client.send(RedisCommand("MGET", ["{foo}1", "{foo}2"]), deadline: .seconds(60))
            try await eventually("the server has put it off") {
                try await count(of: "TRYAGAIN", by: source, of: cluster)
                    + count(of: "TRYAGAIN", by: target, of: cluster) > 0
            }
            try await cluster.move(keys: ["{foo}2"], from: source, to: target)
            #expect(try await values.elements.map(\.string) == ["a", "b"])
            try await cluster.finishMoving(slot: slot, from: source, to: target)
        }
    }

    @Test("one that can't wait for that long gets the server's answer")
    func tryAgainTooLong() async throws {
        try await withClusterAndClient { cluster, client in
            try await client.send(RedisCommand("MSET", ["{foo}1", "a", "{foo}2", "b"]))
            let target = try await other(than: "foo", in: cluster)
            let source = try await cluster.beginMoving(slot: RedisSlot.of("foo"), to: target)
            try await cluster.move(keys: ["{foo}1"], from: source, to: target)
            let error = try await eventually("the server's answer is there within the deadline") { () -> RedisError? in
                let error = await #expect(throws: RedisError.self) {
                    try await client.send(RedisCommand("MGET", ["{foo}1", "{foo}2"]), deadline: .milliseconds(300))
                }
                return error?.server == nil ? nil : error
            }
            #expect(error.server?.code == "TRYAGAIN")
            #expect(error.description.hasPrefix("Redis at 127.0.0.1:"))
        }
    }

    @Test("while slots move, every command runs once, on nodes that are added too")
    func workload() async throws {
        try await withClusterAndClient { cluster, client in
            let keys = (0..<200).map { "counter:\($0)" }
            let added = try await cluster.addPrimary()
            let isMoving = NIOLockedValueBox(true)
            let rounds = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        var rounds = 0
                        while isMoving.withLockedValue({ $0 }) || rounds < 10 {
                            let replies = try await client.pipeline(
                                keys.map { RedisCommand("INCR", [$0]) }, deadline: .seconds(30))
                            for reply in replies { #expect(reply.error == nil) }
                            rounds += 1
                        }
                        return rounds
                    }
                }
                for key in keys.prefix(15) { try await cluster.move(slot: RedisSlot.of(key), to: added) }
                isMoving.withLockedValue { $0 = false }
                return try await group.reduce(0, +)
            }
            let values = try await client.pipeline(keys.map { RedisCommand("GET", [$0]) })
            #expect(values.allSatisfy { $0.integer == Int64(rounds) })
            #expect(try await client.primaries().map(\.description).contains(added.address))
        }
    }

    @Test("a node that has given its slots away and goes is missed by nobody")
    func removed() async throws {
        try await withClusterAndClient(primaries: 2) { cluster, client in
            let leaving = try await cluster.owner(of: "foo")
            let staying = try await other(than: "foo", in: cluster)
            let keys = ["foo", "{foo}2", "{foo}3"]
            try await client.pipeline(keys.map { RedisCommand("SET", [$0, "x"]) })
            try await cluster.moveAll(from: leaving, to: staying)
            try await cluster.remove(leaving)
            await leaving.server.stop()
            let replies = try await client.pipeline(keys.map { RedisCommand("GET", [$0]) })
            #expect(replies.allSatisfy { $0.string == "x" })
            #expect(try await client.primaries().map(\.description) == [staying.address])
            #expect(client.isConnected)
            let node = try #require(client.node(of: "foo"))
            #expect(node.description == staying.address)
        }
    }

    @Test("a node that is no primary any more is sent nothing")
    func gone() async throws {
        try await withClusterAndClient(primaries: 2) { cluster, client in
            let leaving = try await cluster.owner(of: "foo")
            let node = try #require(try await client.primaries().first { $0.description == leaving.address })
            try await cluster.moveAll(from: leaving, to: try await other(than: "foo", in: cluster))
            try await eventually("the client has noticed") { try await client.primaries().count == 1 }
            let error = await #expect(throws: RedisError.self) { try await client.send(RedisCommand("PING"), to: node) }
            #expect(error?.code == .unreachable)
            #expect(
                error?.description
                    == "Redis at \(leaving.address): PING: it is no longer a primary of the cluster")
        }
    }
}
