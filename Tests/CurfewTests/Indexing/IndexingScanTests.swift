import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

/// What a scan of the keyspace enters into the index that Curfew keeps.
@Suite("indexing: the scan", .tags(.ownServer), .everyTopology, .timeLimit(.minutes(5)))
struct IndexingScanTests {
    /// Writes records of `SweepCleanups.unindexed`.
    static func fill(_ scene: SweepScene, _ count: Int, from first: Int = 0, updated: Timestamp) async throws {
        let fields = ["status", "PROCESSING", "updatedAt", String(updated.milliseconds)]
        for start in stride(from: first, to: first + count, by: 5_000) {
            let numbers = start..<min(start + 5_000, first + count)
            try await scene.redis.pipeline(numbers.map { RedisCommand("HSET", ["plain:\($0)"] + fields) })
        }
    }

    private func scan(_ scene: SweepScene, _ when: ScanClaimCall.When = .now) async throws -> KeyspaceScan.Outcome {
        let control = RunControl(trust: nil, timeout: .seconds(300))
        let scan = KeyspaceScan(engine: scene.engine, cleanup: try scene.cleanup("no-index"), control: control)
        var fence = ""
        return try await scan.runOnce(when, fence: &fence)
    }

    @Test("a record is entered with its deadline, or as due; one that is through for good is not")
    func deadlines() async throws {
        try await withSweepScene(SweepCleanups.unindexed) { scene in
            let young = scene.began - .seconds(60)
            try await Self.fill(scene, 1, updated: young)
            try await Self.fill(scene, 1, from: 1, updated: scene.began - .seconds(600))
            try await scene.write("plain:final", ["status": "COMPLETED", "updatedAt": "\(young.milliseconds)"])
            try await scene.write("plain:elsewhere", ["status": "QUEUED"])
            try await scene.write("plain:malformed", ["status": "PROCESSING", "updatedAt": "soon"])
            _ = try await scene.send("SET", "plain:text", "not a record")

            #expect(try await scan(scene) == .finished)

            let index = scene.keys.index("no-index")
            #expect(Set(try await scene.members(index)) == ["0", "1", "elsewhere", "malformed"])
            #expect(try await scene.score("0", in: index) == (young + .seconds(300)).milliseconds)
            let now = try await scene.engine.serverClock().now.milliseconds
            for due in ["1", "malformed"] {
                let score = try #require(try await scene.score(due, in: index))
                #expect(((scene.began.milliseconds - 1_000)...now).contains(score))
            }
            let later = try #require(try await scene.score("elsewhere", in: index))
            #expect(later >= scene.began.milliseconds + 300_000)
            let hash = try await scene.hash(scene.keys.scan("no-index"))
            #expect(hash["added"] == "4" && hash["cursor"] == "0" && hash["keys"] == "7")
            #expect(hash["instance"] == nil && hash["lease_until_ms"] == nil)
            let (started, next) = (Int64(hash["started_ms"] ?? ""), Int64(hash["next_ms"] ?? ""))
            #expect(try #require(next) == (try #require(started)) + 3_600_000)
        }
    }

    @Test("entries that are there keep their times and stay, those that were deleted are found again")
    func hint() async throws {
        try await withSweepScene(SweepCleanups.unindexed) { scene in
            try await Self.fill(scene, 400, updated: scene.began)
            #expect(try await scan(scene) == .finished)
            let index = scene.keys.index("no-index")
            _ = try await scene.send("ZADD", index, "7", "0")
            _ = try await scene.send("ZADD", index, "8", "of nobody")
            _ = try await scene.send("ZREM", index, "1", "2", "399")
            #expect(try await scan(scene) == .finished)
            #expect(try await scene.send("ZCARD", index).integer == 401)
            #expect(try await scene.score("0", in: index) == 7)
            #expect(try await scene.score("of nobody", in: index) == 8)
            #expect(try await scene.hash(scene.keys.scan("no-index"))["added"] == "3")
        }
    }

    @Test("keys that don't fit are passed over; an id may be any bytes, and two that only look the same are two")
    func malformedIds() async throws {
        try await withSweepScene(SweepCleanups.unindexed) { scene in
            try await Self.fill(scene, 3, updated: scene.began)
            for name in ["plain:", "plain:a b\n\"{}*?", "plain:ü", "plain:u\u{308}"] {
                try await scene.write(name, ["status": "PROCESSING", "updatedAt": "\(scene.began.milliseconds)"])
            }
            var binary = RedisCommand("HSET")
            binary.append(Array("plain:".utf8) + [0xFF, 0x00])
            binary.append("status")
            binary.append("PROCESSING")
            _ = try await scene.redis.send(binary)
            #expect(try await scan(scene) == .finished)
            let index = scene.keys.index("no-index")
            let ids = ["0", "1", "2", "a b\n\"{}*?", "ü".held, "u\u{308}".held, ByteText.held([0xFF, 0x00])]
            #expect(Set(try await scene.members(index)) == Set(ids))
        }
    }

    /// Records are written all the while, so that the table of keys grows under the scan.
    @Test("no record that was there before is missed while others are written")
    func growing() async throws {
        try await withSweepScene(SweepCleanups.unindexed) { scene in
            let count = 12_000
            try await Self.fill(scene, count, updated: scene.began)
            let (outcome, written) = try await withThrowingTaskGroup(of: Int.self) { group in
                group.addTask {
                    var written = 0
                    while !Task.isCancelled, written < count {
                        try await Self.fill(scene, 100, from: count + written, updated: scene.began)
                        written += 100
                    }
                    return written
                }
                let outcome = try await scan(scene)
                group.cancelAll()
                return (outcome, try await group.next() ?? 0)
            }
            #expect(outcome == .finished && written > 0)
            let members = Set(try await scene.members(scene.keys.index("no-index")))
            let missing = (0..<count).filter { !members.contains(String($0)) }
            #expect(missing.isEmpty)
        }
    }

    @Test("a dry run and a preview find the records and write nothing")
    func dryRun() async throws {
        try await withSweepScene(SweepCleanups.unindexed) { scene in
            try await Self.fill(scene, 700, updated: scene.began - .seconds(600))
            let before = try await scene.dump()
            let result = try await scene.run("no-index", isDryRun: true)
            #expect(result.totalFound == 700 && result.dryRun)
            let preview = try await Preview(engine: scene.engine).run(try scene.cleanup("no-index"))
            #expect(preview.totalFound == 700)
            #expect(try await scene.dump() == before)
            let own = [scene.keys.index("no-index"), scene.keys.scan("no-index")]
            #expect(try await scene.send("EXISTS", own[0], own[1]).integer == 0)
        }
    }

    @Test("thirty thousand records are found in one pass")
    func many() async throws {
        try await withSweepScene(SweepCleanups.unindexed) { scene in
            let count = 30_000
            try await Self.fill(scene, count, updated: scene.began)
            #expect(try await scan(scene) == .finished)
            #expect(try await scene.send("ZCARD", scene.keys.index("no-index")).integer == Int64(count))
            let hash = try await scene.hash(scene.keys.scan("no-index"))
            #expect(hash["added"] == "\(count)")
            let seen = try #require(Int(hash["seen"] ?? ""))
            #expect((count...count * 6 / 5).contains(seen))
        }
    }

    @Test("an index that is no sorted set, or that may not be written, is the scan's error; the lease is given back")
    func refused() async throws {
        try await withSweepScene(SweepCleanups.unindexed) { scene in
            try await Self.fill(scene, 10, updated: scene.began)
            _ = try await scene.send("SET", scene.keys.index("no-index"), "somebody else's")
            await #expect(throws: CurfewError.self) { try await scan(scene) }
            let hash = try await scene.hash(scene.keys.scan("no-index"))
            #expect(hash["instance"] == nil && hash["finished_ms"] == nil)
            let result = try await scene.run("no-index")
            #expect(result.status == .failed && result.error?.contains("WRONGTYPE") == true)
        }
    }
}
