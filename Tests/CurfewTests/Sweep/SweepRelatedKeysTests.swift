import Policies
import RedisClient
import TestNeeds
import Testing

@testable import Curfew

/// What is wrong with a key that one record needs is that record's error: in a run, a preview and an explanation.
@Suite("sweep: related keys that can't be read", .tags(.ownServer), .everyTopology)
struct SweepRelatedKeysTests {
    private static let members = #"members: {set: "generation:<name>:tasks", record: "task:<id>"}"#

    /// Three groups whose counters can't be true, with one completed task each.
    private func groups(_ scene: SweepScene) async throws {
        let time = WrittenTime.seconds.text(scene.began - .seconds(4 * 3_600))
        for name in ["g1", "g2", "g3"] {
            var group = SweepCountersTests.group([0, 0, 9, 0], at: time)
            group["total_requested"] = "1"
            group["name"] = name
            try await scene.write("generation:\(name)", group, index: "generations", id: name)
            _ = try await scene.send("SADD", "generation:\(name):tasks", name)
            _ = try await scene.send("HSET", "task:\(name)", "status", "completed")
        }
    }

    /// Expects that g2 alone is an error, with that message, wherever it is looked at; and that the others are closed.
    private func expectOnlySecond(
        _ message: String, members: String = members, spoil: (SweepScene) async throws -> Void
    ) async throws {
        try await withSweepScene(SweepCleanups.counters + "\n  " + members) { scene in
            try await groups(scene)
            try await spoil(scene)
            let before = try await scene.hash("generation:g2")
            let why = try await Explanation.make(
                engine: scene.engine, cleanup: try scene.cleanup("stuck-generations"), id: "g2")
            #expect(why.verdict == "error" && why.reason.hasPrefix(message), "\(why.reason)")
            let watched = try await scene.run("stuck-generations", isDryRun: true)
            #expect(watched.errors.map(\.id) == ["g2"])
            let result = try await scene.run("stuck-generations")
            #expect(result.status == .completedWithErrors && result.cleanedUp == 2)
            #expect(result.errors.map(\.id) == ["g2"])
            #expect(result.errors.first?.error.hasPrefix(message) == true, "\(result.errors)")
            #expect(try await scene.hash("generation:g2") == before)
            #expect(try await scene.hash("generation:g3")["status"] == "completed")
        }
    }

    @Test("members of another kind", arguments: ["list", "hash", "string"])
    func kinds(kind: String) async throws {
        let noun = kind == "string" ? "plain string" : kind
        try await expectOnlySecond("generation:g2:tasks is a \(noun): expected a set") { scene in
            _ = try await scene.send("DEL", "generation:g2:tasks")
            switch kind {
            case "list": _ = try await scene.send("RPUSH", "generation:g2:tasks", "g2")
            case "hash": _ = try await scene.send("HSET", "generation:g2:tasks", "g2", "1")
            default: _ = try await scene.send("SET", "generation:g2:tasks", "g2")
            }
        }
    }

    @Test("a task that is no hash, has no status, or one in none of the lists", arguments: ["text", "none", "success"])
    func tasks(kind: String) async throws {
        let messages = [
            "text": "task:g2 is a plain string: expected a hash", "none": "task:g2 has no status",
            "success": "status of task:g2 is “success”: in none of the lists",
        ]
        try await expectOnlySecond(try #require(messages[kind])) { scene in
            _ = try await scene.send("DEL", "task:g2")
            switch kind {
            case "text": _ = try await scene.send("SET", "task:g2", #"{"status":"completed"}"#)
            case "none": _ = try await scene.send("HSET", "task:g2", "state", "completed")
            default: _ = try await scene.send("HSET", "task:g2", "status", "success")
            }
        }
    }

    @Test("tasks of JSON: one that is a hash, or no JSON", arguments: ["hash", "text"])
    func json(kind: String) async throws {
        let members = Self.members.replacing("}", with: ", format: json}")
        let message = kind == "hash" ? "task:g2 is a hash: expected a string of JSON" : "task:g2: no valid JSON"
        try await expectOnlySecond(message, members: members) { scene in
            for name in ["g1", "g2", "g3"] {
                _ = try await scene.send("DEL", "task:\(name)")
                _ = try await scene.send("SET", "task:\(name)", #"{"status":"completed"}"#)
            }
            _ = try await scene.send("DEL", "task:g2")
            if kind == "hash" { _ = try await scene.send("HSET", "task:g2", "status", "completed") }
            if kind == "text" { _ = try await scene.send("SET", "task:g2", "completed") }
        }
    }

    @Test("members may be in a list, a sorted set or the fields of a hash", arguments: ["list", "zset", "hash"])
    func collections(kind: String) async throws {
        let members = Self.members.replacing("set:", with: "\(kind):")
        try await withSweepScene(SweepCleanups.counters + "\n  " + members) { scene in
            try await groups(scene)
            for name in ["g1", "g2", "g3"] {
                let key = "generation:\(name):tasks"
                _ = try await scene.send("DEL", key)
                switch kind {
                case "list": _ = try await scene.send("RPUSH", key, name, name)
                case "zset": _ = try await scene.send("ZADD", key, "1", name)
                default: _ = try await scene.send("HSET", key, name, "1")
                }
            }
            let result = try await scene.run("stuck-generations")
            #expect(result.cleanedUp == 3 && result.errors.isEmpty)
            let reason = "counters recounted from generation:g1:tasks, off by 8; 1 of 1 completed, 0 failed"
            #expect(result.records.contains { $0.reason == reason })
        }
    }

    @Test("a parent that is a list is the error of the plan that names it")
    func parent() async throws {
        let cleanup = """
            plans: {policy: dependent, every: 1h, records: "plan:<id>", index: plans, states: [PENDING],
              since: [updatedAt], parent: "job:<jobId>", parent-states: [RUNNING], to: DRAFT}
            """
        try await withSweepScene(cleanup) { scene in
            let time = WrittenTime.seconds.text(scene.began - .seconds(3_600))
            for id in ["a", "b"] {
                let plan = ["status": "PENDING", "updatedAt": time, "jobId": id]
                try await scene.write("plan:\(id)", plan, index: "plans", id: id)
            }
            _ = try await scene.send("RPUSH", "job:a", "x")
            let result = try await scene.run("plans")
            #expect(result.errors.map(\.error) == ["job:a is a list: expected a hash"])
            #expect(try await scene.hash("plan:b")["status"] == "DRAFT")
        }
    }

    @Test("a key outside the user's rights is the error of the record that needs it")
    func rights() async throws {
        let alive =
            SweepCleanups.stuck.replacing("worker:<workerId>:alive", with: "<workerId>:alive") + "\n  allow: any"
        try await withSweepScene(alive) { scene in
            for (id, worker) in [("a", "secret"), ("b", "worker:w1")] {
                var job = SweepStuckTests.job(.seconds, started: scene.began - .seconds(600))
                job["workerId"] = worker
                try await scene.write("job:\(id)", job, index: "jobs:deadlines", id: id)
            }
            let setUser = ["resetkeys", "~{curfew}:*", "~curfew:*", "~job*", "~worker:*", "~user:*"]
            try await everywhere(["SETUSER", "default"] + setUser, scene)
            let result = try await scene.run("stuck-jobs")
            try await everywhere(["SETUSER", "default", "allkeys"], scene)
            #expect(result.errors.map(\.id) == ["a"])
            #expect(result.errors.first?.error.hasPrefix("secret:alive can't be read: NOPERM") == true)
            #expect(result.cleanedUp == 1)
        }
    }

    private func everywhere(_ words: [String], _ scene: SweepScene) async throws {
        for node in try await scene.redis.primaries() {
            #expect(try await scene.redis.send(RedisCommand("ACL", words), to: node).error == nil)
        }
    }
}
