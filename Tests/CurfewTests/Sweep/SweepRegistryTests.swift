import Foundation
import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

/// Records whose state is where they stand: in a list, a set, a sorted set, a hash or a stream's pending entries.
@Suite("sweep: registries", .tags(.ownServer), .everyTopology, .timeLimit(.minutes(5)))
struct SweepRegistryTests {
    /// A kind of registry: how a job is entered, and what stands there.
    struct Kind: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let enter: @Sendable (String, Int64) -> [String]
        let list: [String]
        var more = ""

        static let all = [
            Kind(
                testDescription: "list", enter: { id, _ in ["RPUSH", "active:{q}", id] },
                list: ["LRANGE", "active:{q}", "0", "-1"]),
            Kind(
                testDescription: "set", enter: { id, _ in ["SADD", "active:{q}", id] },
                list: ["SMEMBERS", "active:{q}"]),
            Kind(
                testDescription: "zset", enter: { id, at in ["ZADD", "active:{q}", "\(at)", id] },
                list: ["ZRANGE", "active:{q}", "0", "-1"]),
            Kind(
                testDescription: "hash", enter: { id, at in ["HSET", "active:{q}", id, "w\(at)"] },
                list: ["HKEYS", "active:{q}"]),
        ]
    }

    static func jobs(_ more: String = "", since: String = "[startedAt]") -> String {
        """
        stuck:
          policy: stuck
          every: 1h
          in: active:<queue>
          record: "job:<queue>:<id>"
          since: \(since)
          timeout: 5m
          alive: "worker:<worker>"
          retry:
            limit: 1
            set: {state: queued, note: "<reason>"}
            unset: [worker]
            add: {tries: 1}
            put: [{to: "waiting:<queue>", kind: list, at: tail}, {to: "log:<id>", kind: list, member: "<queue>/<now:ms>"}]
            delete: ["run:<id>"]
          fail:
            set: {state: failed}
            put: [{to: "failed:<queue>", score: "<now:s>"}]
          \(more)
        """
    }

    private func write(_ scene: SweepScene, _ kind: Kind, _ id: String, minutes: Int) async throws {
        let at = (scene.began - .seconds(minutes * 60)).milliseconds
        try await scene.write("job:{q}:\(id)", ["startedAt": "\(at)", "worker": "w\(id)", "body": "\u{1F600}"])
        let words = kind.enter(id, at)
        let reply = try await scene.redis.send(RedisCommand(words[0], Array(words.dropFirst())))
        #expect(reply.error == nil)
        _ = try await scene.send("SET", "run:\(id)", "x")
    }

    private func standing(_ scene: SweepScene, _ kind: Kind) async throws -> [String] {
        let reply = try await scene.redis.send(RedisCommand(kind.list[0], Array(kind.list.dropFirst())))
        return reply.elements.compactMap(\.string).sorted()
    }

    @Test(
        "a dead worker's jobs leave their registry for the queue with one change each, and undo puts all of it back",
        arguments: Kind.all)
    func recovery(_ kind: Kind) async throws {
        try await withSweepScene(Self.jobs()) { scene in
            for (id, minutes) in [("a", 20), ("b", 10), ("c", 9), ("fresh", 1), ("lively", 30)] {
                try await write(scene, kind, id, minutes: minutes)
            }
            _ = try await scene.send("SET", "worker:wlively", "1")
            let before = try await scene.contents()
            let run = try await scene.run("stuck")
            #expect(run.status == .completed && run.cleanedUp == 3 && run.actions == ["retry": 3], "\(run)")
            #expect(try await standing(scene, kind) == ["fresh", "lively"])
            let waiting = try await scene.send("LRANGE", "waiting:{q}", "0", "-1").elements.compactMap(\.string)
            #expect(waiting.sorted() == ["a", "b", "c"])
            let job = try await scene.hash("job:{q}:a")
            #expect(job["state"] == "queued" && job["worker"] == nil && job["tries"] == "1", "\(job)")
            #expect(job["note"]?.hasPrefix("stuck in active:{q} for 20m") == true, "\(job)")
            #expect(try await scene.existing("run:a", "run:b", "run:c", "run:fresh") == 1)
            #expect(try await scene.send("LLEN", "log:b").integer == 1)
            let events = try await scene.stream(scene.keys.events)
            #expect(events.count { $0["action"] == "retry" } == 3)
            // A second run finds nothing, and what isn't due isn't read again.
            #expect(try await scene.run("stuck").totalFound == 0)
            let undone = try await scene.undo(run.run)
            #expect(undone.cleanedUp == 3, "\(undone)")
            var after = try await scene.contents()
            // The order of a list is only kept at its ends, and sets of both have none.
            #expect(try await standing(scene, kind) == ["a", "b", "c", "fresh", "lively"])
            var expected = before
            if kind.testDescription != "zset" { (after["active:{q}"], expected["active:{q}"]) = (nil, nil) }
            #expect(after.keys.sorted() == expected.keys.sorted())
            for (key, content) in expected { #expect(after[key] == content, "\(key)") }
        }
    }

    @Test("the last retry is followed by a failure, in the application's own words")
    func failure() async throws {
        try await withSweepScene(Self.jobs()) { scene in
            let kind = Kind.all[2]
            try await write(scene, kind, "a", minutes: 20)
            #expect(try await scene.run("stuck").retried == 1)
            _ = try await scene.send("LPOP", "waiting:{q}")
            try await write(scene, kind, "a", minutes: 10)
            let run = try await scene.run("stuck")
            #expect(run.actions == ["fail": 1], "\(run)")
            #expect(try await scene.hash("job:{q}:a")["state"] == "failed")
            #expect(try await scene.members("failed:{q}") == ["a"])
            #expect(try await standing(scene, kind).isEmpty)
        }
    }

    @Test("a registry judged by its scores is read by range: what isn't due is never looked at, and nothing is indexed")
    func byScore() async throws {
        try await withSweepScene(Self.jobs(since: #"["<score>"]"#)) { scene in
            let kind = Kind.all[2]
            for number in 0..<40 { try await write(scene, kind, "old\(number)", minutes: 6 + number) }
            for number in 0..<60 { try await write(scene, kind, "new\(number)", minutes: 2) }
            let run = try await scene.run("stuck")
            #expect(run.cleanedUp == 40 && run.totalFound == 40, "\(run)")
            #expect(try await standing(scene, kind).count == 60)
            #expect(try await scene.existing(scene.keys.index("stuck")) == 0)
        }
    }

    @Test("members without a record go with their history, and are put back with it; those of a wrong template stay")
    func missing() async throws {
        let history = """
            history:
              {policy: retention, every: 1h, in: "done:<queue>", record: "job:<queue>:<id>", since: [endedAt], keep: 1h, missing: refuse}
            wrong:
              {policy: retention, every: 1h, in: "done:<queue>", record: "jobs:<queue>:<id>", since: [endedAt], keep: 1h}
            """
        try await withSweepScene(history) { scene in
            let old = "\((scene.began - .seconds(7_200)).milliseconds)"
            for id in ["a", "b"] { try await scene.write("job:{q}:\(id)", ["endedAt": old]) }
            _ = try await scene.send("ZADD", "done:{q}", "1", "a", "2", "b", "3.25", "gone")
            let before = try await scene.dump()
            let refused = try await scene.run("wrong")
            #expect(
                refused.status == .refused && refused.error?.contains("members of done:<queue>") == true, "\(refused)")
            #expect(try await scene.dump() == before)
            let run = try await scene.run("history")
            #expect(run.actions == ["remove": 2, "drop": 1], "\(run)")
            #expect(try await scene.existing("job:{q}:a", "job:{q}:b", "done:{q}") == 0)
            #expect(try await scene.undo(run.run).cleanedUp == 3)
            let after = try await scene.dump().filter { !$0.key.hasPrefix("curfew:") }
            #expect(after == before)
        }
    }

    @Test("a member that doesn't read as the file says is left, counted, and shown once")
    func strays() async throws {
        let file = Self.jobs().replacing(
            "since: [startedAt]", with: "since: [startedAt]\n  member: \"<id>#<execution>\"")
        try await withSweepScene(file) { scene in
            try await scene.write("job:{q}:a", ["startedAt": "\((scene.began - .seconds(900)).milliseconds)"])
            _ = try await scene.send("SADD", "active:{q}", "a#1", "b", "c", "\u{E9}")
            let run = try await scene.run("stuck")
            #expect(run.cleanedUp == 1 && run.failed == 0, "\(run)")
            let left = try #require(run.left)
            #expect(left.count == 1 && left[0].error.contains("doesn't read like “<id>#<execution>”"), "\(left)")
            #expect(left[0].error.hasSuffix("and 2 others"), "\(left)")
            #expect(try await scene.send("SCARD", "active:{q}").integer == 3)
        }
    }

    @Test("what is put into a key of another type, or taken from one, is its record's error, and nothing is written")
    func wrongTypes() async throws {
        try await withSweepScene(Self.jobs()) { scene in
            let kind = Kind.all[0]
            try await write(scene, kind, "a", minutes: 20)
            _ = try await scene.send("SET", "waiting:{q}", "text")
            let before = try await scene.dump()
            let run = try await scene.run("stuck")
            #expect(run.failed == 1 && run.cleanedUp == 0)
            #expect(run.errors.first?.error.contains("waiting:{q} is a string: expected a list") == true, "\(run)")
            #expect(try await scene.dump() == before)
            _ = try await scene.send("DEL", "waiting:{q}")
            _ = try await scene.send("SET", "active:other", "text")
            let other = try await scene.run("stuck")
            #expect(
                other.cleanedUp == 1 && other.errors.first?.error.contains("active:other is a string") == true,
                "\(other)")
        }
    }

    @Test(
        "pending entries of a consumer group are acknowledged where they are taken up anew, and pending again after an undo"
    )
    func stream() async throws {
        let retry = #"retry: {limit: 1, put: {to: again, kind: list, member: "<job>/<consumer>"}}"#
        try await withSweepScene(SweepScene.stuckTasks(retry)) { scene in
            try await scene.readTasks(["a", "b"], by: "w1")
            let run = try await scene.run("stuck")
            #expect(run.cleanedUp == 2, "\(run)")
            #expect(try await scene.send("XPENDING", "tasks", "workers")[0].integer == 0)
            let again = try await scene.send("LRANGE", "again", "0", "-1").elements.compactMap(\.string)
            #expect(again == ["a/w1", "b/w1"])
            #expect(try await scene.undo(run.run).cleanedUp == 2)
            let pending = try await scene.send("XPENDING", "tasks", "workers", "-", "+", "9")
            #expect(pending.count == 2 && pending[0][1].string == "w1" && pending[0][3].integer == 1, "\(pending)")
            #expect(try await scene.existing("again") == 0)
        }
    }

    @Test("a message that is its own record is looked into, moved with a change on the way, and told by its own id")
    func messages() async throws {
        let file = """
            stuck:
              policy: stuck
              every: 1h
              in: "{k}:unacked_index"
              record: {key: "{k}:unacked", field: "<id>"}
              id: 0.headers.id
              since: ["<score>"]
              timeout: 1m
              retry:
                limit: 1
                take: [{from: "{k}:unacked", member: "<id>"}]
                put: [{to: "<2>", member: "<0>", at: head, with: {headers.redelivered: true, properties.again: null}}]
              fail:
                take: [{from: "{k}:unacked", member: "<id>"}]
                put: [{to: "meta-<0.headers.id>", as: text, ttl: 1d, json: {status: FAILURE, result: {why: ["<reason>"]}, traceback: null, at: "<now:ms>", args: "<0.args>"}}]
                publish: [{channel: "meta-<0.headers.id>", json: {id: "<0.headers.id>"}}]
            """
        try await withSweepScene(file) { scene in
            let message = #"[{"headers": {"id": "job-1", "x": "é"}, "args": [1, 2], "properties": {}}, "", "queue"]"#
            func deliver() async throws {
                _ = try await scene.send("HSET", "{k}:unacked", "tag", message)
                _ = try await scene.send(
                    "ZADD", "{k}:unacked_index", "\((scene.began - .seconds(90)).milliseconds / 1_000).5", "tag")
            }
            try await deliver()
            let before = try await scene.dump()
            let run = try await scene.run("stuck")
            #expect(run.cleanedUp == 1 && run.records.first?.id == "job-1", "\(run)")
            let moved = try await scene.send("LPOP", "queue").string?.readable
            #expect(
                moved
                    == #"{"headers": {"id": "job-1", "x": "é","redelivered":true}, "args": [1, 2], "properties": {"again":null}}"#
            )
            #expect(try await scene.existing("{k}:unacked", "{k}:unacked_index") == 0)
            // The queue was drained by somebody, so nothing may be put back.
            #expect(try await scene.undo(run.run).cleanedUp == 0)
            #expect(try await scene.existing("{k}:unacked") == 0 && before["{k}:unacked"] != nil)
            try await deliver()
            let failed = try await scene.run("stuck")
            #expect(failed.actions == ["fail": 1], "\(failed)")
            let text = try #require(try await scene.text("meta-job-1"))
            let meta = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
            #expect(meta["status"] as? String == "FAILURE" && meta["traceback"] is NSNull && meta["at"] is NSNumber)
            #expect(meta["args"] as? [Int] == [1, 2], "\(meta)")
            let left = try #require(try await scene.send("PTTL", "meta-job-1").integer)
            #expect((1...86_400_000).contains(left))
        }
    }
}

extension SweepScene {
    /// A cleanup of the pending entries of the stream `tasks`: at once, with what else it has.
    static func stuckTasks(_ rest: String = "") -> String {
        """
        stuck:
          policy: stuck
          every: 1h
          in: tasks
          group: workers
          since: ["<idle>"]
          timeout: 1ms
          fail: {put: {to: dead, kind: list, member: "<job>"}}
          \(rest)
        """
    }

    /// Adds jobs to the stream `tasks`, and has a consumer of the group `workers` read them, some milliseconds ago.
    func readTasks(_ jobs: [String], by consumer: String) async throws {
        _ = try await send("XGROUP", "CREATE", "tasks", "workers", "$", "MKSTREAM")
        for job in jobs { _ = try await send("XADD", "tasks", "*", "job", job) }
        _ = try await send("XREADGROUP", "GROUP", "workers", consumer, "COUNT", "10", "STREAMS", "tasks", ">")
        try await eventually("all are pending") {
            try await send("XPENDING", "tasks", "workers", "IDLE", "2", "-", "+", "9").count == jobs.count
        }
    }
}
