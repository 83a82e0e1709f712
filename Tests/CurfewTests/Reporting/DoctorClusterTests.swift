import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

/// What the doctor says of a cluster: every primary is looked at.
@Suite("the doctor looks at clusters", .tags(.cluster), .timeLimit(.minutes(5)))
struct DoctorClusterTests {
    private static let cleanups = """
        old: {policy: retention, every: 1h, records: "job:<id>", since: [at], keep: 1d, also: ["job:<id>:log"]}
        """

    private func examine(_ scene: SweepScene) async -> [String: Doctor.Finding] {
        let findings = await Doctor(engine: scene.engine).examine().findings
        return Dictionary(findings.map { ($0.check, $0) }) { first, _ in first }
    }

    @Test("what is the same everywhere is said once")
    func healthy() async throws {
        try await withClusterSweep(Self.cleanups) { cluster, scene in
            try await scene.engine.functions.load()
            let found = await examine(scene)
            #expect(found["cluster"]?.state == .ok)
            #expect(found["cluster"]?.message == "16384 slots on 3 primaries, 3 nodes in total (all 3 primaries)")
            #expect(found["version"]?.message.hasSuffix(" (all 3 primaries)") == true)
            #expect(found["permissions"]?.message.contains("user default has all") == true)
            #expect(found["functions"]?.state == .ok)
            #expect(found["role"]?.state == .warning && found["role"]?.message.contains("without a replica") == true)
            #expect(found["steps"]?.message.contains("old: also job:<id>:log") == true)
            #expect(found["clock"]?.message.contains("the clocks of the primaries differ by at most") == true)
            #expect(found.values.filter { $0.state == .problem }.isEmpty)
        }
    }

    @Test("what is true of one server is told with its address: rights, eviction, functions")
    func oneOfThem() async throws {
        try await withClusterSweep(Self.cleanups) { cluster, scene in
            try await scene.engine.functions.load()
            let one = cluster.members[1]
            for words in [
                ["ACL", "SETUSER", "default", "-rename"], ["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"],
                ["CONFIG", "SET", "maxmemory", "1gb"], ["FUNCTION", "FLUSH"],
            ] {
                try await cluster.send(RedisCommand(words[0], Array(words.dropFirst())), to: one)
            }
            let found = await examine(scene)
            #expect(found["permissions"]?.state == .problem)
            let lacking = "\(one.address): user default lacks permissions: RENAME job:x"
            #expect(found["permissions"]?.message.hasPrefix(lacking) == true)
            #expect(found["eviction"]?.state == .problem)
            #expect(found["eviction"]?.message.hasPrefix("\(one.address): allkeys-lru") == true)
            #expect(found["functions"]?.message == "\(one.address): the library \(FunctionLibrary.name) is not loaded")
        }
    }

    @Test("slots that no server serves are named, and so is a server that is down")
    func uncovered() async throws {
        try await withClusterSweep(Self.cleanups) { cluster, scene in
            try await scene.engine.functions.load()
            let partial = RedisCommand("CONFIG", ["SET", "cluster-require-full-coverage", "no"])
            for member in cluster.members { try await cluster.send(partial, to: member) }
            let slot = RedisSlot.of("nobody")
            for member in cluster.members {
                try await cluster.send(RedisCommand("CLUSTER", ["DELSLOTS", "\(slot)"]), to: member)
            }
            var finding = try #require(await examine(scene)["cluster"])
            #expect(finding.state == .problem)
            #expect(finding.message.hasPrefix("no node serves the slots \(slot): "), "\(finding.message)")

            let home = try await cluster.owner(of: scene.keys.schedule)
            let other = try #require(cluster.members.first { $0.identifier != home.identifier })
            await other.server.kill()
            finding = try #require(await examine(scene)["node"])
            #expect(finding.state == .problem && finding.message.hasPrefix("\(other.address): "), "\(finding.message)")
        }
    }

    @Test("a node of a cluster that is given as a single server is told from one")
    func single() async throws {
        try await withClusterSweep(Self.cleanups) { cluster, scene in
            var configuration = scene.engine.configuration
            configuration.redis = cluster.members[0].server.configuration
            try await RedisClient.withClient(configuration.redis, logger: quietLogger) { redis in
                let engine = Engine(configuration: configuration, redis: redis, logger: quietLogger)
                let findings = await Doctor(engine: engine).examine().findings
                let version = try #require(findings.first { $0.check == "version" })
                #expect(version.state == .problem && version.advice?.contains("redis+cluster://") == true)
            }
        }
    }

    @Test("the ranges between those that are served")
    func ranges() {
        #expect(Doctor.uncovered([]) == [0...16_383])
        #expect(Doctor.uncovered([0...16_383]) == [])
        #expect(Doctor.uncovered([5_001...16_382, 0...4_999]) == [5_000...5_000, 16_383...16_383])
    }
}
