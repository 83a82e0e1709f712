import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

@Suite("the status", .tags(.cluster), .timeLimit(.minutes(4)))
struct StatusTests {
    @Test("a score that is no time is shown as the nearest one", arguments: ["+inf", "-inf", "1e300", "-1e300"])
    func scores(score: String) async throws {
        try await withInstances { scene in
            let keys = scene.keys
            try await scene.send("ZADD", keys.schedule, score, "jobs")
            try await scene.send("ZADD", keys.instances, score, "one")
            let status = try await Status.read(try scene.engine("one"))
            let year = score.hasPrefix("-") ? "1970" : "9999"
            #expect(status.cleanups.first?.due?.hasPrefix(year) == true)
            #expect(status.instances.map(\.id) == ["one"])
        }
    }

    @Test("more cleanups and instances than one command asks for are all there, each with its state")
    func many() async throws {
        try await withInstances { scene in
            let (engine, keys) = (try scene.engine("one"), scene.keys)
            let now = try await engine.serverClock().now.milliseconds
            var commands: [RedisCommand] = []
            for number in 0..<1_300 {
                commands.append(RedisCommand("ZADD", [keys.schedule, String(now + 60_000), "others-\(number)"]))
                commands.append(RedisCommand("ZADD", [keys.instances, String(now), "web-\(number)"]))
                commands.append(RedisCommand("HSET", [keys.instance("web-\(number)"), "host", "h", "config", "c"]))
            }
            let paused = RedisCommand(
                "HSET", [keys.paused, "others-1299", "{\"by\":\"ada\",\"why\":\"moving\",\"at\":\"\"}"])
            try await scene.redis.pipeline(commands + [paused])
            let status = try await Status.read(engine)
            #expect(status.cleanups.count == 1_301 && status.cleanups.count { $0.state == "waiting" } == 1_299)
            #expect(status.cleanups.filter { $0.paused != nil }.map(\.name) == ["others-1299"])
            #expect(status.instances.count == 1_300 && status.instances.allSatisfy(\.isAlive))
            // A sentence names a few of them.
            #expect(status.remarks.allSatisfy { $0.count < 300 }, "\(status.remarks)")
            let one = try await Status.read(engine, LastRuns(), only: "others-1299")
            #expect(one.cleanups.map(\.state) == ["paused"])
            #expect(try await Status.read(engine, LastRuns(), only: "nothing").cleanups.isEmpty)
        }
    }

    @Test("a run that failed is told of, although the runs of others have replaced it in the history")
    func failedLongAgo() async throws {
        try await withInstances { scene in
            let (engine, keys) = (try scene.engine("one"), scene.keys)
            let now = try await engine.serverClock().now
            try await scene.schedule("jobs", in: .seconds(3_600))
            let owed = Owed(since: now - .seconds(7_200), due: now, retry: nil, attempts: 0, error: "the disk is gone")
            try await scene.send("HSET", keys.owed, "jobs", owed.text)
            let status = try await Status.read(engine, LastRuns())
            let concern = try #require(status.concerns?.first { $0.cleanup == "jobs" })
            #expect(concern.severity == .critical && concern.kind == .run)
            #expect(concern.text.hasSuffix(": the disk is gone."), "\(concern.text)")
        }
    }

    @Test("an index that is none is said to be, and hides nothing of the others")
    func noIndex() async throws {
        try await withInstances { scene in
            try await scene.send("SET", "jobs", "text")
            let status = try await Status.read(try scene.engine("one"))
            #expect(status.cleanups.first?.uncounted?.hasPrefix("jobs: WRONGTYPE ") == true)
            #expect(status.cleanups.first?.tracked == nil && status.cleanups.first?.backlog == nil)
        }
    }

    @Test("an instance that was seen in the future died before the clock was set back")
    func seenInTheFuture() async throws {
        try await withInstances { scene in
            let engine = try scene.engine("one")
            let clock = try await engine.serverClock()
            _ = try await engine.coordinator.tick(beat: .init(started: clock.now), places: 0, clock: clock)
            #expect(try await Status.read(engine).instances.map(\.isAlive) == [true])
            let later = String((clock.now + .seconds(7_200)).milliseconds)
            try await scene.send("ZADD", scene.keys.instances, later, "one")
            #expect(try await Status.read(engine).instances.map(\.isAlive) == [false])
        }
    }

    @Test(
        "of an index on a server of a cluster that is away it says what isn't known; the rest is there",
        .enabled(if: RedisServer.hasFunctions))
    func away() async throws {
        func primary(of key: String) -> Int { RedisSlot.of(key) * 3 / RedisSlot.count }
        let home = primary(of: Keys(prefix: "curfew").schedule)
        let names = (0..<100).map { "jobs:\($0)" }
        let (near, far) = (
            try #require(names.first { primary(of: $0) == home }), try #require(names.first { primary(of: $0) != home })
        )
        func cleanup(_ name: String, _ index: String) -> String {
            "\(name): {policy: stuck, every: 1h, records: \"job:<id>\", index: \"\(index)\", states: [RUNNING], "
                + "since: [at], timeout: 1m, to: FAILED}"
        }
        try await withClusterSweep(cleanup("near", near) + "\n" + cleanup("far", far)) { cluster, scene in
            let partial = RedisCommand("CONFIG", ["SET", "cluster-require-full-coverage", "no"])
            for member in cluster.members { try await cluster.send(partial, to: member) }
            _ = try await scene.redis.send(RedisCommand("ZADD", [near, "1", "a"]))
            let all = try await Status.read(scene.engine)
            #expect(all.cleanups.map(\.tracked) == [1, 0] && all.cleanups.allSatisfy { $0.uncounted == nil })
            let owner = try await cluster.owner(of: far)
            await owner.server.kill()
            let rest = try await Status.read(scene.engine)
            #expect(rest.cleanups.map(\.tracked) == [1, nil] && rest.cleanups.map(\.backlog) == [1, nil])
            #expect(rest.cleanups[0].uncounted == nil)
            let why = try #require(rest.cleanups[1].uncounted)
            #expect(why.contains(owner.address), "\(why)")
        }
    }
}
