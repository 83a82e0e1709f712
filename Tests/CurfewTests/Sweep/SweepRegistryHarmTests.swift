import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

/// What a run over registries must not do to those who use them meanwhile, or have written a file that can't be meant.
@Suite("sweep: harm to registries", .tags(.ownServer), .timeLimit(.minutes(5)))
struct SweepRegistryHarmTests {
    private func enter(_ kind: String, _ id: String) -> [String] {
        switch kind {
        case "list": ["RPUSH", "active", id]
        case "set": ["SADD", "active", id]
        case "zset": ["ZADD", "active", "1", id]
        default: ["HSET", "active", id, "x"]
        }
    }

    private func send(_ scene: SweepScene, _ words: [String]) async throws {
        let reply = try await scene.redis.send(RedisCommand(words[0], Array(words.dropFirst())))
        #expect(reply.error == nil, "\(words)")
    }

    private static func stuck(_ rest: String, since: String = "[at]", timeout: String = "5m") -> String {
        """
        stuck:
          policy: stuck
          every: 1h
          in: active
          record: "job:<id>"
          since: \(since)
          timeout: \(timeout)
          \(rest)
        """
    }

    private func old(_ scene: SweepScene) -> String { "\((scene.began - .seconds(3_600)).milliseconds)" }

    @Test("the first sight of a member is forgotten when it leaves", arguments: ["list", "set", "zset", "hash"])
    func sightings(_ kind: String) async throws {
        let rest = #"fail: {put: [{to: dead, kind: list}]}"#
        try await withSweepScene(Self.stuck(rest, since: #"["<seen>"]"#, timeout: "1h")) { scene in
            for id in ["a", "stays"] {
                try await send(scene, enter(kind, id))
                try await scene.write("job:\(id)", ["x": "y"])
            }
            #expect(try await scene.run("stuck").cleanedUp == 0)
            let key = scene.keys.seen("stuck")
            let first = try await scene.hash(key)
            #expect(first.count == 2)
            try await send(scene, ["DEL", "active"])
            try await send(scene, enter(kind, "stays"))
            #expect(try await scene.run("stuck").failed == 0)
            #expect(try await scene.hash(key).count == 1)
            // Taken up anew, by somebody who has just begun.
            try await send(scene, enter(kind, "a"))
            #expect(try await scene.run("stuck").failed == 0)
            let second = try await scene.hash(key)
            #expect(second.keys == first.keys)
            #expect(second.filter { $0.value == first[$0.key] }.count == 1, "\(first) \(second)")
        }
    }

    @Test("an id in two registries is recovered once, however they are read", arguments: ["", "states: [x]"])
    func twice(_ states: String) async throws {
        let file = """
            stuck:
              policy: stuck
              every: 1h
              in: ["active:<queue>"]
              record: "job:<id>"
              \(states.isEmpty ? "since: [at]" : "\(states)\n  since: [at]")
              timeout: 5m
              retry: {limit: 3, set: {status: queued}, put: [{to: all, kind: list}]}
              fail: {set: {status: failed}}
            """
        try await withSweepScene(file) { scene in
            try await scene.write("job:a", ["at": old(scene), "status": "x"])
            try await send(scene, ["RPUSH", "active:one", "a"])
            try await send(scene, ["RPUSH", "active:two", "a"])
            let run = try await scene.run("stuck")
            #expect(run.retried == 1, "\(run)")
            #expect(try await scene.send("LLEN", "all").integer == 1)
        }
    }

    @Test("a key that a run has emptied expires when it would have", arguments: ["list", "set", "zset", "hash"])
    func expiry(_ kind: String) async throws {
        let rest = #"fail: {put: [{to: dead, kind: list}], take: [{from: "other:<id>", member: m}]}"#
        try await withSweepScene(Self.stuck(rest)) { scene in
            try await scene.write("job:a", ["at": old(scene)])
            try await send(scene, enter(kind, "a"))
            try await send(scene, enter(kind, "m").map { $0 == "active" ? "other:a" : $0 })
            for key in ["active", "other:a"] { try await send(scene, ["PEXPIRE", key, "600000"]) }
            let run = try await scene.run("stuck")
            #expect(run.cleanedUp == 1, "\(run)")
            #expect(try await scene.existing("active", "other:a") == 0)
            #expect(try await scene.undo(run.run).cleanedUp == 1)
            for key in ["active", "other:a"] {
                let left = try #require(try await scene.send("PTTL", key).integer)
                #expect((1...600_000).contains(left), "\(key): \(left)")
            }
        }
    }

    @Test(
        "what can't be meant is the record's error, and nothing is written",
        arguments: [
            (
                #"fail: {set: {x: 1}, take: [{from: "text:<id>", member: "<id>"}]}"#,
                "text:a is a text: expected a list, a set, a zset, a hash or a stream, to take “a” out of"
            ),
            (
                #"fail: {set: {x: 1}, delete: ["act<rest>"]}"#,
                "active would be deleted, in which the record stands: expected another key"
            ),
        ])
    func errors(_ rest: String, _ expected: String) async throws {
        try await withSweepScene(Self.stuck(rest)) { scene in
            try await scene.write("job:a", ["at": old(scene), "rest": "ive"])
            try await send(scene, ["RPUSH", "active", "a", "b"])
            try await send(scene, ["SET", "text:a", "precious"])
            let before = try await scene.contents()
            let run = try await scene.run("stuck")
            #expect(run.failed == 1 && run.cleanedUp == 0, "\(run)")
            #expect(run.errors.first?.error.contains(expected) == true, "\(run.errors)")
            #expect(try await scene.contents() == before)
        }
    }

    @Test("a pending entry whose entry was deleted meanwhile is left by an undo")
    func deletedEntry() async throws {
        try await withSweepScene(SweepScene.stuckTasks()) { scene in
            try await scene.readTasks(["a", "b"], by: "w")
            let run = try await scene.run("stuck")
            #expect(run.cleanedUp == 2, "\(run)")
            try await send(scene, ["XTRIM", "tasks", "MAXLEN", "1"])
            let undone = try await scene.undo(run.run)
            #expect(undone.cleanedUp == 1, "\(undone)")
            #expect(SweepScene.left(undone).values.first?.contains("of tasks is gone") == true, "\(undone)")
            #expect(try await scene.send("LRANGE", "dead", "0", "-1").elements.compactMap(\.string) == ["a"])
            #expect(try await scene.send("XPENDING", "tasks", "workers")[0].integer == 1)
        }
    }

    @Test("a registry that the file doesn't name any more is left alone, and so are its members")
    func formerRegistries() async throws {
        let file = """
            stuck:
              policy: stuck
              every: 1h
              in: active:<queue>
              record: "job:<id>"
              since: [at]
              timeout: 5m
              fail: {put: [{to: dead}]}
            """
        try await withSweepScene(file) { scene in
            try await send(scene, ["RPUSH", "active:mail", "a"])
            try await scene.write("job:a", ["at": old(scene)])
            // As a scan for another template has noted it, a moment ago.
            let now = "\(scene.began.milliseconds)"
            try await send(scene, ["ZADD", scene.keys.registries("stuck"), now, "former:mail"])
            try await send(scene, ["RPUSH", "former:mail", "b"])
            let run = try await scene.run("stuck")
            #expect(run.cleanedUp == 1 && run.failed == 0, "\(run)")
            #expect(try await scene.send("LLEN", "former:mail").integer == 1)
        }
    }
}
