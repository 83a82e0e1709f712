import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

/// Scans of a keyspace that is spread over the primaries of a cluster.
@Suite("indexing: a cluster", .tags(.cluster), .timeLimit(.minutes(5)))
struct IndexingClusterTests {
    private static func fill(_ scene: SweepScene, _ numbers: Range<Int>) async throws {
        let updated = String((scene.began - .seconds(600)).milliseconds)
        for reply in try await scene.redis.pipeline(
            numbers.map { RedisCommand("HSET", ["plain:\($0)", "status", "PROCESSING", "updatedAt", updated]) })
        {
            try #require(reply.error == nil)
        }
    }

    private static func scan(_ scene: SweepScene, _ when: ScanClaimCall.When = .now) async throws
        -> KeyspaceScan.Outcome
    {
        let control = RunControl(trust: nil, timeout: .seconds(300))
        let scan = KeyspaceScan(engine: scene.engine, cleanup: try scene.cleanup("no-index"), control: control)
        var fence = ""
        return try await scan.runOnce(when, fence: &fence)
    }

    private static func indexed(_ scene: SweepScene) async throws -> Set<String> {
        Set(try await scene.members(scene.keys.index("no-index")))
    }

    /// Leaves a scan behind that is through with one server, as an instance does that dies.
    private static func leave(_ scene: SweepScene, through: RedisCluster.Member) async throws {
        let lease = ScanLease(
            store: scene.engine.store, cleanup: try scene.cleanup("no-index"), claimant: scene.engine.claimant,
            interval: .seconds(3_600))
        guard case .claimed(var position, _) = try await lease.claim(.now, fence: "") else {
            throw CurfewError(.held, "the scan could not be claimed")
        }
        let servers = try await ScanServer.all(scene.redis)
        let done = try #require(servers.first { "\($0.node)" == through.address })
        position.cursors.moved(to: "0", at: done)
        try await lease.release(position)
    }

    @Test("every primary is scanned, and the counts are those of all")
    func everyPrimary() async throws {
        try await withClusterSweep(SweepCleanups.unindexed) { _, scene in
            try await Self.fill(scene, 0..<2_000)
            #expect(try await Self.scan(scene) == .finished)
            #expect(try await Self.indexed(scene) == Set((0..<2_000).map(String.init)))
            let hash = try await scene.hash(scene.keys.scan("no-index"))
            #expect(hash["added"] == "2000" && hash["cursor"] == "0")
            // The records and the hash of the scan itself, which is there before the keys are counted.
            #expect(hash["keys"] == "2001")
            let status = try await Status.read(scene.engine)
            #expect(status.cleanups.first?.scan?.percent == 100)
        }
    }

    @Test("a scan that was broken off goes on with the servers that it isn't through with")
    func goesOn() async throws {
        try await withClusterSweep(SweepCleanups.unindexed) { cluster, scene in
            try await Self.fill(scene, 0..<600)
            let first = cluster.members[0]
            try await Self.leave(scene, through: first)
            #expect(try await Self.scan(scene, .due) == .finished)
            let found = try await Self.indexed(scene)
            for number in 0..<600 {
                let isOfFirst = try await cluster.owner(of: "plain:\(number)").identifier == first.identifier
                #expect(found.contains("\(number)") != isOfFirst)
                if number == 20 { break }
            }
            #expect(!found.isEmpty && found.count < 600)
            #expect(try await Self.scan(scene) == .finished)
            #expect(try await Self.indexed(scene).count == 600)
        }
    }

    @Test("a server that another has replaced is scanned anew")
    func replaced() async throws {
        try await withClusterSweep(SweepCleanups.unindexed, replicas: 1) { cluster, scene in
            try await Self.fill(scene, 0..<600)
            // Not the one that holds Curfew's own keys, whose last second might be lost.
            let home = try await cluster.owner(of: scene.keys.schedule)
            let victim = try #require(cluster.members.prefix(3).firstIndex { $0.identifier != home.identifier })
            try await Self.leave(scene, through: cluster.members[victim])
            for replica in cluster.members.dropFirst(3) {
                try await scene.caughtUp(replica, cluster)
            }
            await cluster.members[victim].server.kill()
            try await cluster.waitUntilPrimary(cluster.members[3 + victim])
            try await eventually("the scan is through") {
                do {
                    return try await Self.scan(scene, .due) == .finished
                } catch {
                    guard CommitScope.isPassing(error) else { throw error }
                    return false
                }
            }
            #expect(try await Self.indexed(scene).count == 600)
        }
    }

    @Test("a record that moves behind a scan's back is found by the next one")
    func moved() async throws {
        try await withClusterSweep(SweepCleanups.unindexed) { cluster, scene in
            try await Self.fill(scene, 0..<100)
            let first = cluster.members[0]
            try await Self.leave(scene, through: first)
            var key = ""
            for number in 0..<100 where key.isEmpty {
                let owner = try await cluster.owner(of: "plain:\(number)")
                if owner.identifier != first.identifier { key = "plain:\(number)" }
            }
            try await cluster.move(slot: RedisSlot.of(key), to: first)
            #expect(try await Self.scan(scene, .due) == .finished)
            #expect(!(try await Self.indexed(scene).contains(String(key.dropFirst(6)))))
            #expect(try await Self.scan(scene) == .finished)
            #expect(try await Self.indexed(scene).count == 100)
        }
    }

    @Test("a preview and a count look at every primary, and write nothing")
    func looking() async throws {
        try await withClusterSweep(SweepCleanups.unindexed) { _, scene in
            try await Self.fill(scene, 0..<300)
            let preview = try await Preview(engine: scene.engine).run(try scene.cleanup("no-index"))
            #expect(preview.totalFound == 300)
            #expect(try await scene.send("EXISTS", scene.keys.index("no-index")).integer == 0)
        }
    }
}

extension SweepScene {
    /// Waits until a replica has everything that its primary has been told.
    fileprivate func caughtUp(_ replica: RedisCluster.Member, _ cluster: RedisCluster) async throws {
        try await eventually("\(replica.address) has caught up") {
            let info = try await cluster.send(RedisCommand("INFO", ["replication"]), to: replica)
            guard let port = info.infoField("master_port"),
                let primary = cluster.members.first(where: { "\($0.server.port)" == port })
            else { return false }
            let told = try await cluster.send(RedisCommand("INFO", ["replication"]), to: primary)
            return told.infoField("master_repl_offset") == info.infoField("slave_repl_offset")
        }
    }
}

/// How the cursors of a scan are kept.
@Suite("indexing: cursors", .tags(.cluster))
struct ScanCursorsTests {
    @Test("what is written is read again", arguments: ["0", "123", "a=0", "a=17 b=done c=5"])
    func text(text: String) { #expect(ScanCursors(text).text == text) }

    @Test("what can't be read begins anew", arguments: ["", " ", "="])
    func unreadable(text: String) { #expect(ScanCursors(text).isAtStart || ScanCursors(text).text == text) }
}
