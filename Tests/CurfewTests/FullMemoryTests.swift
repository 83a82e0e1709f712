import Policies
import RedisClient
import TestSupport
import Testing

@testable import Curfew

/// A Redis without memory left takes no commits, but for those that free some.
@Suite("full memory")
struct FullMemoryTests {
    private static func old(_ more: String = ", index: olds") -> String {
        """
        old: {policy: retention, every: 5m, records: "old:<id>", states: [done], since: [at], keep: 1d, guard: off,
          also: ["log:<id>"]\(more)}
        """
    }

    private func write(_ count: Int, _ scene: SweepScene) async throws {
        let at = String((scene.began - .seconds(864_000)).milliseconds)
        for id in 0..<count {
            try await scene.write("old:\(id)", ["status": "done", "at": at])
            _ = try await scene.send("SET", "log:\(id)", "lines")
            _ = try await scene.send("ZADD", "olds", "1700000000000", String(id))
        }
    }

    private func fill(_ scene: SweepScene) async throws {
        try await scene.engine.library.load()
        _ = try await scene.send("CONFIG", "SET", "maxmemory", "1")
    }

    @Test("retention goes on: its events are short and say so, and undo brings the records back")
    func retention() async throws {
        try await withSweepScene(Self.old()) { scene in
            try await write(3, scene)
            try await fill(scene)
            let result = try await scene.run("old")
            #expect(result.status == .completed && result.cleanedUp == 3, "\(result)")
            #expect(try await scene.send("EXISTS", "old:0", "log:0").integer == 0)
            #expect(try await scene.send("ZCARD", "olds").integer == 0)
            let events = try await scene.send("XRANGE", scene.engine.keys.events, "-", "+").elements
            let fields = events.last?[1].elements.compactMap(\.string) ?? []
            let place = try #require(fields.firstIndex(of: "reason"))
            let reason = fields[place + 1]
            #expect(reason.hasSuffix("(Redis is full: what it was like is not noted)"))
            let image = try #require(fields.firstIndex(of: "before"))
            let before = fields[image + 1]
            #expect(!before.contains("status") && before.contains("log:"))
            #expect(try await scene.send("KEYS", "curfew:trash:*").elements.count == 6)
        }
    }

    @Test("what Curfew's own index has is removed, although the scan for more can't be written down")
    func ownIndex() async throws {
        try await withSweepScene(Self.old("")) { scene in
            try await write(3, scene)
            let key = scene.keys.index("old")
            _ = try await scene.send("ZADD", key, "1700000000000", "0", "1700000000000", "1")
            try await fill(scene)
            let result = try await scene.run("old")
            #expect(result.status == .completed && result.cleanedUp == 2, "\(result)")
            #expect(try await scene.send("EXISTS", "old:0", "old:1", "old:2").integer == 1)
        }
    }

    @Test("a lock is released, and a stuck job, whose change takes memory, is not changed")
    func others() async throws {
        let cleanups = """
            locks: {policy: locks, every: 5m, records: "lock:<id>", index: locks, since: [at], timeout: 1m, guard: off}
            jobs: {policy: stuck, every: 5m, records: "job:<id>", index: jobs, states: [RUNNING], since: [at],
              timeout: 1m, to: FAILED}
            """
        try await withSweepScene(cleanups) { scene in
            let at = String((scene.began - .seconds(3_600)).milliseconds)
            for (name, index) in [("lock", "locks"), ("job", "jobs")] {
                try await scene.write("\(name):1", ["status": "RUNNING", "at": at])
                _ = try await scene.send("ZADD", index, "1700000000000", "1")
            }
            try await fill(scene)
            #expect(try await scene.run("locks").cleanedUp == 1)
            let result = try await scene.run("jobs")
            #expect(result.status == .failed && result.error?.contains("OOM ") == true)
            #expect(try await scene.send("HGET", "job:1", "status").string == "RUNNING")
        }
    }

    @Test("with trash: off what is removed is gone at once, full or not, and undo says why it can't be brought back")
    func withoutTrash() async throws {
        for isFull in [false, true] {
            try await withSweepScene(Self.old(", index: olds, trash: off")) { scene in
                try await write(2, scene)
                if isFull { try await fill(scene) }
                let result = try await scene.run("old")
                #expect(result.cleanedUp == 2, "\(result)")
                #expect(try await scene.send("EXISTS", "old:0", "log:0", "old:1", "log:1").integer == 0)
                #expect(try await scene.send("KEYS", "curfew:*").elements.isEmpty)
            }
        }
    }
}
