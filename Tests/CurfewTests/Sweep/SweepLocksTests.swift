import Policies
import RedisClient
import TestNeeds
import Testing

@testable import Curfew

/// What a sweep of locks leaves in Redis: hashes with a time of their own, and plain strings.
@Suite("sweep: locks", .tags(.ownServer), .everyTopology)
struct SweepLocksTests {
    @Test("a stale lock is moved to a trash key that expires, and says so", arguments: WrittenTime.allCases)
    func releases(form: WrittenTime) async throws {
        try await withSweepScene(SweepCleanups.locks) { scene in
            let acquired = form.text(scene.began - .seconds(4 * 3_600))
            let lock = ["acquired_at": acquired, "owner": "w1", "note": "kept for undo"]
            try await scene.write("lock:l", lock, index: "locks", id: "l")

            let result = try await scene.run("generation-locks")

            #expect(result.cleanedUp == 1 && result.records.map(\.action) == ["release"])
            #expect(result.records.first?.reason == "held for 4h, timeout 3h; worker:w1:alive is gone")
            let trash = "curfew:trash:generation-locks-1:{lock:l}"
            #expect(try await scene.send("EXISTS", "lock:l").integer == 0)
            #expect(try await scene.hash(trash) == lock)
            let left = try #require(try await scene.send("PTTL", trash).integer)
            #expect((86_000_000...86_400_000).contains(left))
            #expect(try await scene.members("locks") == [])
            let event = try #require(try await scene.stream(scene.keys.events).first)
            #expect(event["action"] == "release" && event["key"] == "lock:l" && event["from"] == "")
            #expect(event["before"] == "{\"acquired_at\":\"\(acquired)\",\"owner\":\"w1\"}")
        }
    }

    @Test("a lock whose holder is alive is never touched, and one that is young is re-scored")
    func live() async throws {
        try await withSweepScene(SweepCleanups.locks) { scene in
            let old = WrittenTime.seconds.text(scene.began - .seconds(40 * 3_600))
            let acquired = scene.began - .seconds(3_600)
            let young = WrittenTime.milliseconds.text(acquired)
            _ = try await scene.send("SET", "worker:w1:alive", "1")
            try await scene.write("lock:live", ["acquired_at": old, "owner": "w1"], index: "locks", id: "live")
            try await scene.write("lock:young", ["acquired_at": young, "owner": "w2"], index: "locks", id: "young")
            let before = try await scene.dump().filter { $0.key != "locks" }
            #expect(try await scene.run("generation-locks").totalFound == 0)
            #expect(try await scene.run("generation-locks").totalFound == 0)
            #expect(try await scene.dump().filter { $0.key != "locks" } == before)
            #expect(try await scene.score("live", in: "locks") == (scene.began - .seconds(1)).milliseconds)
            #expect(try await scene.score("young", in: "locks") == (acquired + .seconds(3 * 3_600)).milliseconds)
        }
    }

    @Test("a plain string is timed from when its value was first seen; a new value starts the clock anew")
    func text() async throws {
        try await withSweepScene(SweepCleanups.textLocks) { scene in
            _ = try await scene.send("SET", "mutex:m", "token one")
            _ = try await scene.send("ZADD", "mutexes", "1000", "m")

            #expect(try await scene.run("text-locks").totalFound == 0)
            let seen = try #require(try await scene.send("HGET", scene.keys.seen("text-locks"), "m").string)
            #expect(seen.hasSuffix(":token one"))
            let first = try #require(seen.split(separator: " ").first.flatMap { Int64($0) })
            let score = try #require(try await scene.score("m", in: "mutexes"))
            #expect(first >= scene.began.milliseconds && abs(score - first - 3 * 3_600_000) < 1_000)

            // Released and taken by another holder: the old age says nothing about it.
            try await scene.backdate("mutex:m", "m", seen: "token one", by: .seconds(4 * 3_600), of: "text-locks")
            _ = try await scene.send("ZADD", "mutexes", "1000", "m")
            _ = try await scene.send("SET", "mutex:m", "token two")
            #expect(try await scene.run("text-locks").totalFound == 0)
            #expect(try await scene.text("mutex:m") == "token two")

            try await scene.backdate("mutex:m", "m", seen: "token two", by: .seconds(4 * 3_600), of: "text-locks")
            _ = try await scene.send("ZADD", "mutexes", "1000", "m")
            let result = try await scene.run("text-locks")
            #expect(result.cleanedUp == 1 && result.records.map(\.action) == ["release"])
            #expect(try await scene.send("EXISTS", "mutex:m").integer == 0)
            #expect(try await scene.text("curfew:trash:text-locks-3:{mutex:m}") == "token two")
            #expect(try await scene.send("EXISTS", scene.keys.seen("text-locks")).integer == 0)
            #expect(try await scene.members("mutexes") == [])
            #expect(try await scene.stream(scene.keys.events).map { $0["before"] } == ["{\"value\":\"token two\"}"])
        }
    }

    @Test("a plain string that is gone is forgotten")
    func gone() async throws {
        try await withSweepScene(SweepCleanups.textLocks) { scene in
            _ = try await scene.send("SET", "mutex:m", "token")
            _ = try await scene.send("ZADD", "mutexes", "1000", "m")
            try await scene.run("text-locks")
            _ = try await scene.send("DEL", "mutex:m")
            _ = try await scene.send("SET", "mutex:other", "token")
            _ = try await scene.send("ZADD", "mutexes", "1000", "m", "1000", "other")
            #expect(try await scene.run("text-locks").records.map { [$0.id, $0.action] } == [["m", "drop"]])
            #expect(try await scene.members("mutexes") == ["other"])
            #expect(try await scene.send("HEXISTS", scene.keys.seen("text-locks"), "m").integer == 0)
        }
    }

    @Test("a plain string seen for the first time by a run with another timeout is looked at once")
    func override() async throws {
        try await withSweepScene(SweepCleanups.textLocks) { scene in
            _ = try await scene.redis.pipeline(
                (1...1_500).flatMap {
                    [
                        RedisCommand("SET", ["mutex:\($0)", "token"]),
                        RedisCommand("ZADD", ["mutexes", "\($0)", "\($0)"]),
                    ]
                })
            let cleanup = try scene.cleanup("text-locks")
            let (claim, clock) = try await scene.claim(cleanup)
            let control = RunControl(trust: nil, timeout: .seconds(60))
            let outcome = await Sweep(
                engine: scene.engine, cleanup: cleanup.with(timeout: .seconds(3_600)), claim: claim, control: control,
                clock: clock, options: .init(timeout: .seconds(3_600)), scanned: nil
            ).run()
            #expect(outcome.error == nil && outcome.counters.checked == 1_500)
        }
    }

    @Test("a lock's value may be any bytes: it is seen first, kept exactly, and released by its own age")
    func binary() async throws {
        try await withSweepScene(SweepCleanups.textLocks) { scene in
            let value = ByteText.held([0xFF, 0x00, 0xC3])
            _ = try await scene.send("SET", "mutex:m", value)
            _ = try await scene.send("ZADD", "mutexes", "1000", "m")
            let result = try await scene.run("text-locks")
            #expect(result.status == .completed && result.errors.isEmpty)
            #expect(try await scene.send("GET", "mutex:m").bytes == [0xFF, 0x00, 0xC3])
            let seen = try await scene.send("HGET", scene.keys.seen("text-locks"), "m").string ?? ""
            #expect(seen.hasSuffix(value))
        }
    }
}
