import Policies
import RedisClient
import TestNeeds
import Testing

@testable import Curfew

/// The queue that a job goes back to is of the kind that the application made it.
@Suite("sweep: queues", .tags(.ownServer), .everyTopology)
struct SweepQueueTests {
    private static func cleanup(_ queue: String) -> String {
        """
        tasks:
          policy: stuck
          every: 1m
          records: task:<id>
          states: [running]
          since: [started]
          timeout: 10m
          retry: {limit: 9, to: queued, queue: \(queue)}
          to: failed
        """
    }

    private func stick(_ scene: SweepScene, _ id: String) async throws {
        let started = String((scene.began - .seconds(6_000)).milliseconds)
        try await scene.write("task:\(id)", ["status": "running", "started": started, "priority": "7"])
    }

    @Test(
        "a queue that isn't there is made as what the configuration says it is",
        arguments: [
            ("{key: ready, kind: zset, score: <priority>}", "zset", "ZRANGE ready 0 -1 WITHSCORES", ["a", "7"]),
            ("{key: ready, kind: zset, score: 3.5}", "zset", "ZRANGE ready 0 -1 WITHSCORES", ["a", "3.5"]),
            ("{key: ready, kind: list, at: head}", "list", "LRANGE ready 0 -1", ["a"]),
            ("{key: ready, kind: stream}", "stream", "XLEN ready", ["1"]),
            ("ready", "list", "LRANGE ready 0 -1", ["a"]),
        ])
    func kinds(queue: String, type: String, command: String, expected: [String]) async throws {
        try await withSweepScene(Self.cleanup(queue)) { scene in
            try await stick(scene, "a")
            #expect(try await scene.run("tasks").retried == 1)
            #expect(try await scene.send("TYPE", "ready").string == type)
            let words = command.split(separator: " ").map(String.init)
            let reply = try await scene.redis.send(RedisCommand(words[0], Array(words.dropFirst())))
            #expect((reply.kind == .array ? reply.elements.compactMap(\.string) : [reply.string ?? ""]) == expected)
        }
    }

    @Test("the time as a score is in the unit that is said")
    func scores() async throws {
        for (word, factor) in [("<now:s>", Int64(1)), ("<now:ms>", 1_000), ("<now:ns>", 1_000_000_000)] {
            try await withSweepScene(Self.cleanup("{key: ready, kind: zset, score: \"\(word)\"}")) { scene in
                try await stick(scene, "a")
                try await scene.run("tasks")
                let score = try #require(try await scene.send("ZSCORE", "ready", "a").double)
                #expect(abs(score / Double(factor) - Double(scene.began.milliseconds) / 1_000) < 120)
            }
        }
    }

    @Test(
        "a drained queue is what it was when it was last seen, even where nothing was due then",
        arguments: [true, false])
    func remembered(isDue: Bool) async throws {
        try await withSweepScene(Self.cleanup("ready")) { scene in
            _ = try await scene.send("ZADD", "ready", "5", "other")
            if isDue { try await stick(scene, "early") }
            let first = try await scene.run("tasks")
            #expect(first.failed == (isDue ? 1 : 0))
            _ = try await scene.send("ZPOPMIN", "ready")
            try await stick(scene, "a")
            let result = try await scene.run("tasks")
            let why = "ready was a zset, and no score is configured for it"
            #expect(result.errors.contains { $0.id == "a" && $0.error.hasPrefix(why) }, "\(result)")
            #expect(try await scene.send("TYPE", "ready").string == "none")
            #expect(try await scene.hash("task:a")["status"] == "running")
        }
    }

    @Test("a queue that is another thing than is said is the record's error, in a preview too")
    func otherKind() async throws {
        try await withSweepScene(Self.cleanup("{key: ready, kind: stream}")) { scene in
            _ = try await scene.send("RPUSH", "ready", "x")
            try await stick(scene, "a")
            let preview = try await Preview(engine: scene.engine).run(try scene.cleanup("tasks"))
            let result = try await scene.run("tasks")
            for found in [preview, result] {
                #expect(found.errors.map(\.error) == ["WRONGTYPE ready is a list: expected a stream"])
            }
        }
    }

    @Test("an undo takes the id out of a sorted set, and the recovery off the count")
    func undone() async throws {
        try await withSweepScene(Self.cleanup("{key: ready, kind: zset, score: 1}")) { scene in
            try await stick(scene, "a")
            let before = try await scene.hash("task:a")
            let run = try await scene.run("tasks")
            #expect(try await scene.undo(run.run).cleanedUp == 1)
            #expect(try await scene.hash("task:a") == before)
            #expect(try await scene.existing("ready", scene.keys.recoveries("tasks", of: "a")) == 0)
        }
    }

    @Test(
        "a section that makes no sense is refused, with the key",
        arguments: [
            ("{key: ready, kind: zset}", "cleanups.tasks.retry.queue.score: missing"),
            ("{key: ready, kind: list, score: 1}", "a list has no scores"),
            ("{key: ready, kind: stream, at: head}", "a stream has no head and tail"),
            ("{key: ready, kind: sett}", "unknown “sett”"), ("{kind: list}", "queue.key: missing"),
        ])
    func problems(queue: String, message: String) {
        let error = #expect(throws: ConfigurationError.self) {
            try Configuration.parse(
                "redis: redis://h\ncleanups:\n"
                    + Self.cleanup(queue).split(separator: "\n").map { "  \($0)" }.joined(separator: "\n"),
                file: "c.yaml", environment: [:])
        }
        #expect("\(String(describing: error))".contains(message), "\(String(describing: error))")
    }
}
