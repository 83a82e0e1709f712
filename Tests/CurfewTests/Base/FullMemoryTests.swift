import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

/// A Redis without memory left takes no commits, but for those that free some.
@Suite("full memory", .tags(.ownServer), .everyTopology)
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

    @Test("retention goes on: its events are short and say so, and undo brings the records back")
    func retention() async throws {
        try await withSweepScene(Self.old()) { scene in
            try await write(3, scene)
            try await scene.fill()
            let result = try await scene.run("old")
            #expect(result.status == .completed && result.cleanedUp == 3, "\(result)")
            #expect(try await scene.existing("old:0", "log:0") == 0)
            #expect(try await scene.send("ZCARD", "olds").integer == 0)
            let events = try await scene.stream(scene.keys.events)
            #expect(events.count == 3)
            #expect(events[0]["reason"]?.hasSuffix("(Redis is full: what it was like is not noted)") == true)
            let before = try #require(events[0]["before"])
            #expect(!before.contains("status") && before.contains("log:"))
            #expect(try await scene.names("curfew:trash:*").count == 6)
            #expect(try await scene.stream(scene.keys.runs).last?["status"] == "completed")
            #expect(try await scene.existing(scene.keys.lease("old")) == 0)
            #expect(try await scene.names("curfew:pending:*").isEmpty)
            try await scene.fill(0)
            #expect(try await scene.undo(result.run).cleanedUp == 3)
            #expect(try await scene.existing("old:0", "log:0", "old:1", "log:1", "old:2", "log:2") == 6)
        }
    }

    @Test("what Curfew's own index has is removed, although the scan for more can't be written down")
    func ownIndex() async throws {
        try await withSweepScene(Self.old("")) { scene in
            try await write(3, scene)
            let key = scene.keys.index("old")
            _ = try await scene.send("ZADD", key, "1700000000000", "0", "1700000000000", "1")
            try await scene.fill()
            let result = try await scene.run("old")
            #expect(result.status == .completed && result.cleanedUp == 2, "\(result)")
            #expect(try await scene.existing("old:0", "old:1", "old:2") == 1)
            #expect(try await scene.members(key).isEmpty)
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
            try await scene.fill()
            #expect(try await scene.run("locks").cleanedUp == 1)
            let result = try await scene.run("jobs")
            #expect(result.status == .failed && result.error?.contains("OOM ") == true)
            #expect(result.error?.contains("raise maxmemory") == true, "\(result)")
            #expect(try await scene.send("HGET", "job:1", "status").string == "RUNNING")
        }
    }

    @Test("with trash: off what is removed is gone at once, full or not, and undo says why it can't be brought back")
    func withoutTrash() async throws {
        for isFull in [false, true] {
            try await withSweepScene(Self.old(", index: olds, trash: off")) { scene in
                try await write(2, scene)
                if isFull { try await scene.fill() }
                let result = try await scene.run("old")
                #expect(result.cleanedUp == 2, "\(result)")
                #expect(try await scene.existing("old:0", "log:0", "old:1", "log:1") == 0)
                #expect(try await scene.names("curfew:*").isEmpty)
            }
        }
    }

    @Test("of a mixed page what removes goes through, and the rest is an error of its record and tried again soon")
    func mixed() async throws {
        let cleanup = """
            jobs: {policy: stuck, every: 1d, records: "job:<id>", index: jobs, states: [RUNNING], since: [at],
              timeout: 1m, to: FAILED, guard: off}
            """
        try await withSweepScene(cleanup) { scene in
            let at = String((scene.began - .seconds(3_600)).milliseconds)
            for id in ["a", "b"] { try await scene.write("job:\(id)", ["status": "RUNNING", "at": at]) }
            for id in ["a", "b", "gone", "lost", "away"] {
                _ = try await scene.send("ZADD", "jobs", "1700000000000", id)
            }
            try await scene.fill()
            let result = try await scene.run(try scene.cleanup("jobs"), trigger: "schedule")
            #expect(result.status == .completedWithErrors && result.cleanedUp == 3 && result.failed == 2, "\(result)")
            for failure in result.errors {
                #expect(failure.error.hasPrefix("OOM ") && failure.error.contains("raise maxmemory"))
            }
            #expect(Set(try await scene.members("jobs")) == ["a", "b"])
            #expect(try await scene.hash("job:a")["status"] == "RUNNING")
            let events = try await scene.stream(scene.keys.events)
            #expect(events.count { $0["action"] == "drop" } == 3 && events.count { $0["action"] == "error" } == 2)
            #expect(try await scene.hash(scene.keys.owed)["jobs"]?.contains("OOM ") == true)
            let due = try #require(try await scene.score("jobs", in: scene.keys.schedule))
            #expect(due < (scene.began + .seconds(3_600)).milliseconds)

            try await scene.fill(0)
            let second = try await scene.run("jobs")
            #expect(second.status == .completed && second.cleanedUp == 2, "\(second)")
        }
    }

    @Test("a lock that is seen for the first time can't be noted, which is its error; one seen before is released")
    func sighted() async throws {
        try await withSweepScene(SweepCleanups.textLocks + "\n  guard: off") { scene in
            for id in ["old", "new"] {
                _ = try await scene.send("SET", "mutex:\(id)", "token")
                _ = try await scene.send("ZADD", "mutexes", "1000", id)
            }
            try await scene.backdate("mutex:old", "old", seen: "token", by: .seconds(14_400), of: "text-locks")
            try await scene.fill()
            let result = try await scene.run("text-locks")
            #expect(result.cleanedUp == 1 && result.failed == 1, "\(result)")
            #expect(result.errors.first?.id == "new" && result.errors.first?.error.hasPrefix("OOM ") == true)
            #expect(try await scene.existing("mutex:old", "mutex:new") == 1)
        }
    }

    @Test("whoever overrides a guard to free memory gets through, and it is noted")
    func overridden() async throws {
        let cleanup = Self.old().replacing("guard: off", with: "guard: {share: 1%, beyond: 1}")
        try await withSweepScene(cleanup) { scene in
            try await write(3, scene)
            try await scene.fill()
            let (claim, clock) = try await scene.claim(try scene.cleanup("old"))
            let result = await Run(
                engine: scene.engine, cleanup: try scene.cleanup("old"), claim: claim, clock: clock,
                overriddenBy: "somebody"
            ).execute()
            #expect(result.status == .completed && result.cleanedUp == 3, "\(result)")
            #expect(try await scene.stream(scene.keys.events).contains { $0["action"] == "override" })
        }
    }
}

extension SweepScene {
    /// Takes all memory from Redis, or from each node of a Cluster; 0 gives it back.
    func fill(_ bytes: Int = 1) async throws {
        try await engine.functions.load()
        for node in try await redis.primaries() {
            let set = RedisCommand("CONFIG", ["SET", "maxmemory", String(bytes)])
            #expect(try await redis.send(set, to: node).error == nil)
        }
    }
}
