import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

/// Undo where the keys of a change are in several slots: step by step, each once, and taken up again.
@Suite("undo: a cluster", .tags(.cluster), .timeLimit(.minutes(5)))
struct UndoClusterTests {
    private static func jobs(_ scene: SweepScene, _ ids: [String]) async throws {
        for id in ids { try await scene.stick(id) }
        _ = try await scene.send("SET", "user:u1:tokens", "100")
    }

    /// Keys that an undo uses on the way, on all servers.
    private static func traces(_ cluster: RedisCluster, _ pattern: String) async throws -> [String] {
        var keys: [String] = []
        for member in cluster.members {
            keys += try await cluster.send(RedisCommand("KEYS", [pattern]), to: member).elements.compactMap(\.string)
        }
        return keys
    }

    @Test("failed jobs are as they were, their refunds taken back once, each with an event")
    func refunds() async throws {
        try await withClusterSweep(SweepCleanups.stuck) { cluster, scene in
            try await Self.jobs(scene, ["a", "b", "c"])
            let before = try await scene.hash("job:b")
            let run = try await scene.run("stuck-jobs")
            #expect(run.cleanedUp == 3, "\(run)")
            #expect(try await scene.text("user:u1:tokens") == "130")

            let result = try await scene.undo(run.run)

            #expect(result.status == .completed && result.cleanedUp == 3, "\(result)")
            #expect(result.message == "Put back 3 of 3 records that stuck-jobs-1 changed and took back 30 tokens")
            #expect(try await scene.hash("job:b") == before)
            #expect(try await scene.text("user:u1:tokens") == "100")
            #expect(try await scene.hash("user:u1:refunds").count == 6)
            #expect(Set(try await scene.members("jobs:deadlines")) == ["a", "b", "c"])
            let events = try await scene.stream(scene.keys.events)
            #expect(events.filter { $0["action"] == "undo" }.count == 3)
            #expect(try await Self.traces(cluster, "curfew:pending:*").isEmpty)

            let again = try await scene.undo(run.run)
            #expect(again.cleanedUp == 0 && again.skipped == 3)
            #expect(try await scene.text("user:u1:tokens") == "100")
        }
    }

    @Test("a step that is refused is told, and taken when the run is undone again; the others aren't taken twice")
    func refused() async throws {
        try await withClusterSweep(SweepCleanups.stuck) { cluster, scene in
            try await Self.jobs(scene, ["a", "b"])
            let run = try await scene.run("stuck-jobs")
            // The application's index can't be written to, which is a step of its own.
            let index = try await cluster.owner(of: "jobs:deadlines")
            let narrow = RedisCommand("ACL", ["SETUSER", "default", "-zadd", "(+zadd ~{curfew}:*)"])
            try await cluster.send(narrow, to: index)

            let broken = try await scene.undo(run.run)
            #expect(broken.failed == 2 && broken.cleanedUp == 0, "\(broken)")
            #expect(broken.errors.first?.error.contains("the next run tries again") == true)
            #expect(try await scene.hash("job:a")["status"] == "PROCESSING")
            #expect(try await scene.text("user:u1:tokens") == "100")
            #expect(try await Self.traces(cluster, "curfew:pending:*").isEmpty == false)

            try await cluster.send(RedisCommand("ACL", ["SETUSER", "default", "clearselectors", "+zadd"]), to: index)
            let whole = try await scene.undo(run.run)
            #expect(whole.status == .completed && whole.cleanedUp == 2, "\(whole)")
            #expect(try await scene.text("user:u1:tokens") == "100")
            #expect(Set(try await scene.members("jobs:deadlines")) == ["a", "b"])
            let events = try await scene.stream(scene.keys.events).filter { $0["action"] == "undo" }
            #expect(events.count == 2)
            #expect(try await Self.traces(cluster, "curfew:pending:*").isEmpty)
        }
    }

    @Test("what has changed since is left, also where it is in another slot")
    func changedSince() async throws {
        try await withClusterSweep(SweepCleanups.retried) { _, scene in
            try await Self.jobs(scene, ["taken", "waiting", "edited"])
            let run = try await scene.run("stuck-jobs")
            #expect(run.retried == 3, "\(run)")
            _ = try await scene.send("LREM", "jobs:queued", "1", "taken")
            _ = try await scene.send("HSET", "job:edited", "status", "PROCESSING")

            let result = try await scene.undo(run.run)

            #expect(result.cleanedUp == 1 && result.skipped == 2, "\(result)")
            let left = SweepScene.left(result)
            #expect(left["taken"]?.contains("jobs:queued") == true)
            #expect(left["edited"]?.contains("status is no longer") == true)
            #expect(try await scene.hash("job:taken")["status"] == "QUEUED")
            #expect(try await scene.hash("job:waiting")["status"] == "PROCESSING")
            #expect(try await scene.send("LRANGE", "jobs:queued", "0", "-1").elements.map(\.string) == ["edited"])
        }
    }

    @Test("removed records come back with the keys that went along, from whatever slot")
    func removed() async throws {
        let cleanup = """
            old: {policy: retention, every: 1h, records: "job:<id>", index: ended, since: [at], keep: 1d, also: ["log:<id>", "{job:<id>}:x"]}
            """
        try await withClusterSweep(cleanup) { _, scene in
            let at = String((scene.began - .seconds(200_000)).milliseconds)
            for id in ["1", "2}", "{3", "{}4"] {
                try await scene.write("job:\(id)", ["at": at], index: "ended", id: id)
                _ = try await scene.send("RPUSH", "log:\(id)", "line")
                _ = try await scene.send("SET", "{job:\(id)}:x", "y")
            }
            let run = try await scene.run("old")
            #expect(run.cleanedUp == 4, "\(run)")
            #expect(try await scene.send("EXISTS", "log:1").integer == 0)

            let result = try await scene.undo(run.run)

            #expect(result.cleanedUp == 4, "\(result)")
            for id in ["1", "2}", "{3", "{}4"] {
                #expect(try await scene.hash("job:\(id)") == ["at": at])
                #expect(try await scene.send("LLEN", "log:\(id)").integer == 1)
                #expect(try await scene.text("{job:\(id)}:x") == "y")
            }
            #expect(try await scene.members("ended").count == 4)
        }
    }
}
