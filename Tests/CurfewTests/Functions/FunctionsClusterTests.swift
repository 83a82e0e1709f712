import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

/// The function library where there are several primaries, each of which keeps its own.
@Suite("functions: a cluster", .tags(.cluster), .timeLimit(.minutes(5)))
struct FunctionsClusterTests {
    private func version(_ member: RedisCluster.Member, _ cluster: RedisCluster) async throws -> String? {
        do {
            return try await cluster.send(
                RedisCommand("FCALL_RO", [RedisFunction.version.name, "0"]), to: member
            ).string
        } catch let error as RedisError {
            guard error.code == .server else { throw error }
            return nil
        }
    }

    @Test("it is loaded on every primary, and called loaded only then")
    func everywhere() async throws {
        try await withClusterAndClient { cluster, redis in
            let library = FunctionLibrary(redis: redis, logger: quietLogger)
            #expect(try await !library.isLoaded())
            try await library.load()
            #expect(try await library.isLoaded())
            for member in cluster.members {
                #expect(try await version(member, cluster) == FunctionLibrary.version)
            }
            try await cluster.send(RedisCommand("FUNCTION", ["FLUSH"]), to: cluster.members[1])
            #expect(try await !library.isLoaded())
        }
    }

    @Test("a server that misses it when it is called gets it, as does one that came later")
    func onDemand() async throws {
        try await withClusterAndClient { cluster, redis in
            let library = FunctionLibrary(redis: redis, logger: quietLogger)
            let added = try await cluster.addPrimary()
            let slot = RedisSlot.of("job:1")
            try await cluster.move(slot: slot, to: added)
            var call = CommitCall(lease: nil, index: "job:1", shared: [])
            var known = PlainChange.Known()
            var change = PlainChange(member: "1")
            change.write("HSET", .own("job:1"), [.constant("status"), .value("FAILED")])
            change.append(to: &call, &known)
            let outcomes = try call.outcomes(of: try await library.call(call.command()))
            #expect(outcomes == [.made])
            #expect(try await version(added, cluster) == FunctionLibrary.version)
        }
    }

    @Test("servers that have another text under its name get this one with the first call")
    func other() async throws {
        try await withClusterAndClient { cluster, redis in
            let library = FunctionLibrary(redis: redis, logger: quietLogger)
            let other = FunctionLibrary.source.replacing("'curfew_commit_part'", with: "'curfew_commit_formerly'")
            for member in cluster.members {
                try await cluster.send(RedisCommand("FUNCTION", ["LOAD", other]), to: member)
            }
            var call = CommitCall(lease: nil, index: "", shared: [])
            var known = PlainChange.Known()
            var change = PlainChange(member: "1")
            change.write("HSET", .own("job:1"), [.constant("status"), .value("FAILED")])
            change.append(to: &call, &known)
            let reply = try await library.call(call.nodeCommand(isAlone: true))
            let outcomes = try call.outcomes(of: reply)
            #expect(outcomes == [.made])
            for node in try await redis.primaries() { #expect(try await library.loaded(on: node).own == .same) }
        }
    }

    @Test("a server that is down holds up nobody who doesn't need it")
    func oneDown() async throws {
        try await withClusterAndClient { cluster, redis in
            let library = FunctionLibrary(redis: redis, logger: quietLogger)
            let keys = Keys(prefix: "curfew")
            let home = try await cluster.owner(of: keys.schedule)
            let other = try #require(cluster.members.first { $0.identifier != home.identifier })
            let partial = RedisCommand("CONFIG", ["SET", "cluster-require-full-coverage", "no"])
            for member in cluster.members { try await cluster.send(partial, to: member) }
            _ = try await redis.primaries()
            await other.server.kill()
            let rows = try await library.call(OverviewCall(keys: keys))
            #expect(rows.isEmpty)
            await #expect(throws: CurfewError.self) { try await library.load() }
        }
    }

    @Test(
        "a node without the slot is understood, whatever server it is",
        arguments: [
            ("ERR Script attempted to access a non local key in a cluster node script: curfew_commit_part", true),
            ("ERR Script attempted to execute a write command while the cluster is down and readonly", true),
            ("ERR Attempted to access a non local key in a cluster node", true),
            ("ERR Can not execute a command 'hget' while the cluster is down", true),
            ("WRONGTYPE job:1 is a string: expected a hash", false),
        ])
    func elsewhere(why: String, expected: Bool) {
        #expect(SagaCalls.isElsewhere(why) == expected)
    }
}
