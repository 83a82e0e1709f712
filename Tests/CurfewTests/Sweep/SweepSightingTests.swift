import Policies
import RedisClient
import TestNeeds
import Testing

@testable import Curfew

extension SweepScene {
    /// Makes Curfew believe that it saw a lock so long ago, and that nobody touched it since.
    func backdate(
        _ key: String, _ id: String, seen value: String, by duration: Duration, of cleanup: String
    ) async throws {
        let time = began - duration
        let seen = "\(time.milliseconds) \(Sighting.text(first: time, value: value))"
        _ = try await send("HSET", keys.seen(cleanup), id, seen)
        try await leaveIdle(key, for: duration)
    }

    /// Makes Redis believe that nobody touched a key for so long.
    func leaveIdle(_ key: String, for duration: Duration) async throws {
        let content = try #require(try await send("DUMP", key).bytes)
        var restore = RedisCommand("RESTORE", [key, "0"])
        restore.append(content)
        for word in ["REPLACE", "IDLETIME", String(duration.milliseconds / 1_000)] { restore.append(word) }
        #expect(try await redis.send(restore).error == nil)
    }
}

/// Locks that don't say when they were taken: their expiry, their content, and who else touches them.
@Suite("sweep: locks by sight", .tags(.ownServer), .everyTopology)
struct SweepSightingTests {
    private static let expiring = SweepCleanups.textLocks + "\n  guard: off"
    private static let old = Duration.seconds(4 * 3_600)

    private func run(_ scene: SweepScene) async throws -> RunResult {
        _ = try await scene.send("ZADD", "mutexes", "1000", "m")
        return try await scene.run("text-locks")
    }

    @Test("a lock that expires by itself is left, however often it is renewed, unless it is to be judged")
    func expiring() async throws {
        for judge in [false, true] {
            try await withSweepScene(Self.expiring + (judge ? "\n  expiring: judge" : "")) { scene in
                _ = try await scene.send("SET", "mutex:m", "token")
                try await scene.backdate("mutex:m", "m", seen: "token", by: Self.old, of: "text-locks")
                _ = try await scene.send("PEXPIRE", "mutex:m", "600000")
                if judge { try await keepIdle("mutex:m", scene) }
                let result = try await run(scene)
                #expect(result.cleanedUp == (judge ? 1 : 0))
                #expect(try await scene.existing("mutex:m") == (judge ? 0 : 1))
                guard !judge else { return }
                let score = try #require(try await scene.score("m", in: "mutexes"))
                #expect(score > scene.began.milliseconds && score <= (scene.began + .seconds(660)).milliseconds)
                let why = try await Explanation.make(
                    engine: scene.engine, cleanup: try scene.cleanup("text-locks"), id: "m")
                #expect(why.verdict == "leave" && why.reason.hasPrefix("it expires by itself in 9m"))
            }
        }
    }

    /// The same with an expiry, which a plain restore takes away.
    private func keepIdle(_ key: String, _ scene: SweepScene) async throws {
        let content = try #require(try await scene.send("DUMP", key).bytes)
        var restore = RedisCommand("RESTORE", [key, "600000"])
        restore.append(content)
        for word in ["REPLACE", "IDLETIME", "14400"] { restore.append(word) }
        #expect(try await scene.redis.send(restore).error == nil)
    }

    @Test("a hash without a time is aged by when its content was first seen, and released as it was seen")
    func hash() async throws {
        try await withSweepScene(Self.expiring) { scene in
            _ = try await scene.send("HSET", "mutex:m", "5f1c:42", "1")
            #expect(try await run(scene).totalFound == 0)
            let content = "7 5f1c:42=1 1"
            #expect(try await scene.send("HGET", scene.keys.seen("text-locks"), "m").string?.hasSuffix(content) == true)

            // Taken by another thread: its age counts anew.
            _ = try await scene.send("DEL", "mutex:m")
            _ = try await scene.send("HSET", "mutex:m", "77aa:1", "1")
            try await scene.backdate("mutex:m", "m", seen: content, by: Self.old, of: "text-locks")
            #expect(try await run(scene).totalFound == 0)
            #expect(try await scene.existing("mutex:m") == 1)

            try await scene.backdate("mutex:m", "m", seen: "6 77aa:1=1 1", by: Self.old, of: "text-locks")
            let result = try await run(scene)
            #expect(result.cleanedUp == 1 && result.records.map(\.action) == ["release"])
            #expect(try await scene.existing("mutex:m") == 0)
            #expect(try await scene.stream(scene.keys.events).map { $0["before"] } == ["{\"77aa:1\":\"1\"}"])
        }
    }

    @Test("a lock that was taken anew with the same text counts anew, and one that nobody touched doesn't")
    func takenAnew() async throws {
        try await withSweepScene(Self.expiring) { scene in
            _ = try await scene.send("SET", "mutex:m", "host-1")
            try await scene.backdate("mutex:m", "m", seen: "host-1", by: Self.old, of: "text-locks")
            _ = try await scene.send("DEL", "mutex:m")
            _ = try await scene.send("SET", "mutex:m", "host-1")
            #expect(try await run(scene).totalFound == 0)
            #expect(try await scene.text("mutex:m") == "host-1")
            let score = try #require(try await scene.score("m", in: "mutexes"))
            #expect(score >= (scene.began + .seconds(3 * 3_600 - 2)).milliseconds)

            try await scene.backdate("mutex:m", "m", seen: "host-1", by: Self.old, of: "text-locks")
            #expect(try await run(scene).cleanedUp == 1)
        }
    }

    @Test("Curfew's own looks don't make a lock young: what a preview shows, a run does")
    func ownLooks() async throws {
        try await withSweepScene(Self.expiring) { scene in
            _ = try await scene.send("SET", "mutex:m", "token")
            try await scene.backdate("mutex:m", "m", seen: "token", by: Self.old, of: "text-locks")
            let cleanup = try scene.cleanup("text-locks")
            for _ in 1...2 {
                let why = try await Explanation.make(engine: scene.engine, cleanup: cleanup, id: "m")
                #expect(why.verdict == "release", "\(why.reason)")
            }
            #expect(try await run(scene).cleanedUp == 1)
        }
    }

    @Test("where the server doesn't know how long a key was idle, the first sight decides")
    func leastFrequentlyUsed() async throws {
        try await withSweepScene(Self.expiring) { scene in
            for node in try await scene.redis.primaries() {
                let set = RedisCommand("CONFIG", ["SET", "maxmemory-policy", "allkeys-lfu"])
                _ = try await scene.redis.send(set, to: node)
            }
            _ = try await scene.send("SET", "mutex:m", "token")
            let time = scene.began - Self.old
            let seen = "\(time.milliseconds) \(Sighting.text(first: time, value: "token"))"
            _ = try await scene.send("HSET", scene.keys.seen("text-locks"), "m", seen)
            let result = try await run(scene)
            for node in try await scene.redis.primaries() {
                let set = RedisCommand("CONFIG", ["SET", "maxmemory-policy", "noeviction"])
                _ = try await scene.redis.send(set, to: node)
            }
            #expect(result.cleanedUp == 1)
        }
    }

    @Test("a hash with more fields than a lock can have is an error")
    func largeHash() async throws {
        try await withSweepScene(Self.expiring) { scene in
            let words = (1...65).flatMap { ["f\($0)", "1"] }
            _ = try await scene.redis.send(RedisCommand("HSET", ["mutex:m"] + words))
            let result = try await run(scene)
            #expect(result.errors.map(\.error) == ["mutex:m has 65 fields: expected a lock of at most 64"])
        }
    }
}
