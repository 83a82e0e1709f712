import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

@Suite("curfew_tick: heartbeat and schedule", .tags(.ownServer))
struct FunctionsTickTests {
    @Test("a cleanup that was never scheduled is due at once with every, and at its next occurrence with cron")
    func registers() async throws {
        try await withFunctions { scene in
            let before = try await scene.now()
            let answer = try await scene.tick(
                .init("often"), .init("nightly", at: before + 7_000), beat: .init(places: 0))
            let now = try #require(answer["now"]?.integer)
            #expect((before...now).contains(try #require(try await scene.score("often"))))
            #expect(try await scene.score("nightly") == before + 7_000)
            #expect(answer["claim"] == nil)
        }
    }

    @Test("a due time is kept, however late: when a schedule changes is no matter of a tick", arguments: [true, false])
    func keepsDueTimes(isCron: Bool) async throws {
        try await withFunctions { scene in
            let base = try await scene.now()
            let known: FunctionsScene.Known = isCron ? .init("jobs", at: base + 60_000) : .init("jobs", every: 60_000)
            for distance: Int64 in [50_000, 3_600_000] {
                try await scene.send("ZADD", scene.keys.schedule, String(base + distance), "jobs")
                _ = try await scene.tick(known)
                #expect(try await scene.score("jobs") == base + distance)
            }
        }
    }

    @Test(
        "a lease that was renewed in the future counts as run out, since the clock must have stepped back",
        arguments: [(3_600_000, true), (1_000, false)] as [(Int64, Bool)])
    func steppedBack(ahead: Int64, isRunOut: Bool) async throws {
        try await withFunctions { scene in
            let first = try await scene.claim("jobs", by: "one")
            let renewed = try await scene.now() + ahead
            try await scene.send("HSET", scene.keys.lease("jobs"), "renewed_ms", String(renewed))
            try await scene.send("ZADD", scene.keys.schedule, String(renewed + 120_000), "jobs")
            let answer = try await scene.tick(.init("jobs"), beat: .init(instance: "two"))
            #expect(answer["claim"]?.string == (isRunOut ? "jobs" : nil))
            #expect(answer["lost"]?.string == (isRunOut ? first["run"]?.string : nil))
            #expect(try await scene.claim("jobs", by: "three")["held"] != nil)
        }
    }

    @Test("a command that the user may not run is named, with its key")
    func rights() async throws {
        try await withFunctions { scene in
            try await scene.library.load()
            try await scene.send("ACL", "SETUSER", "default", "-zadd", "-get")
            let error = try #require(await #expect(throws: CurfewError.self) { try await scene.tick(.init("jobs")) })
            #expect(error.code == .unreachable && error.underlying?.server?.code == "NOPERM")
            #expect(error.message.contains("NOPERM this user has no right to ZADD at \(scene.keys.schedule)"))
            var call = CommitWords()
            try call.statement([.init("text", takes: "value")], [.init(0, "SET", nil)])
            call.change(keys: ["record"], "a", "held", "free")
            #expect(try await call.send(to: scene) == #"["ok", 1, "NOPERM this user has no right to GET at record"]"#)
        }
    }

    @Test("the lease of a running cleanup is not taken for a due time that is too late")
    func keepsLeaseEnds() async throws {
        try await withFunctions { scene in
            _ = try await scene.tick(.init("jobs"), beat: .init(lease: 900_000, trigger: "manual", only: "jobs"))
            let end = try await scene.score("jobs")
            _ = try await scene.tick(.init("jobs", every: 1_000))
            #expect(try await scene.score("jobs") == end)
        }
    }

    @Test("asking for one cleanup moves none of the others")
    func onlyMovesItsOwn() async throws {
        try await withFunctions { scene in
            let answer = try await scene.tick(
                .init("jobs"), .init("locks"), beat: .init(trigger: "manual", only: "jobs"))
            #expect(answer["claim"]?.string == "jobs")
            #expect(try await scene.score("locks") == nil)
        }
    }

    @Test("a heartbeat tells of the instance, a tick between two of them doesn't")
    func heartbeat() async throws {
        try await withFunctions { scene in
            _ = try await scene.tick()
            #expect(try await scene.send("EXISTS", scene.keys.instances, scene.keys.instance("one")).integer == 0)
            try await scene.send("ZADD", scene.keys.instances, String(try await scene.now() - 86_400_001), "gone")
            let answer = try await scene.tick(
                beat: .init(
                    fields: [("host", "web-1"), ("running", "")], metrics: [("kind", "instance"), ("running", "0")]))
            #expect(try await scene.hash(scene.keys.instance("one")) == ["host": "web-1", "running": ""])
            let seen = try await scene.send("ZRANGE", scene.keys.instances, "0", "-1", "WITHSCORES")
            #expect(seen.elements.map(\.string) == ["one", answer["now"]?.string])
            let entries = try await scene.stream(scene.keys.metrics)
            #expect(entries.map { $0.fields.map(\.name) } == [["kind", "running"]])
        }
    }

    @Test(
        "what an instance tells of itself lasts three heartbeats or a lease, whichever is longer",
        arguments: [(10_000, 15_000, 30_000), (1_000, 15_000, 15_000)] as [(Int64, Int64, Int64)])
    func expiry(heartbeat: Int64, lease: Int64, expected: Int64) async throws {
        try await withFunctions { scene in
            _ = try await scene.tick(beat: .init(lease: lease, heartbeat: heartbeat, fields: [("host", "web-1")]))
            let left = try #require(try await scene.send("PTTL", scene.keys.instance("one")).integer)
            #expect(left <= expected && left > expected - 5_000)
        }
    }

    @Test("the sleep is the heartbeat, or the time until the next due time where that is sooner")
    func sleep() async throws {
        try await withFunctions { scene in
            #expect(try await scene.tick()["sleep"]?.integer == 10_000)
            try await scene.schedule("jobs", in: 50_000)
            #expect(try await scene.tick(.init("jobs"))["sleep"]?.integer == 10_000)
            try await scene.schedule("jobs", in: 9_500)
            let answer = try await scene.tick(.init("jobs"))
            let score = try await scene.score("jobs")
            #expect(answer["sleep"]?.integer == (score ?? 0) - (answer["now"]?.integer ?? 0))
        }
    }

    @Test("a paused cleanup neither shortens the sleep nor counts as overdue, known or not")
    func pausedIsQuiet() async throws {
        try await withFunctions { scene in
            for name in ["jobs", "locks"] {
                try await scene.send("HSET", scene.keys.paused, name, "{}")
                try await scene.schedule(name, in: -5_000)
            }
            let answer = try await scene.tick(.init("jobs"))
            #expect(answer["sleep"]?.integer == 10_000)
            #expect(answer["overdue"]?.count == 0)
            #expect(answer["claim"] == nil)
        }
    }

    @Test("overdue are those past their time, those that nobody here knows, and those that began late")
    func overdue() async throws {
        try await withFunctions { scene in
            try await scene.schedule("late", in: -9_000)
            _ = try await scene.tick(.init("late"))
            try await scene.schedule("due", in: -5_000)
            try await scene.schedule("unknown", in: -4_000)
            try await scene.schedule("later", in: 50_000)
            let answer = try await scene.tick(.init("late"), .init("due"), .init("later"), beat: .init(places: 0))
            let pairs = answer["overdue"]?.elements ?? []
            #expect(pairs.count == 6)
            var overdue: [String: Int64] = [:]
            for place in stride(from: 0, to: pairs.count, by: 2) {
                overdue[pairs[place].string ?? ""] = pairs[place + 1].integer
            }
            #expect(Set(overdue.keys) == ["late", "due", "unknown"])
            // How late it began, not how long it has been running.
            let lease = try await scene.hash(scene.keys.lease("late"))
            let began = Int64(lease["acquired_ms"] ?? "").flatMap { start in
                Int64(lease["due_ms"] ?? "").map { start - $0 }
            }
            #expect(overdue["late"] == began)
            #expect((began ?? 0) >= 9_000)
            #expect((5_000...60_000).contains(overdue["due"] ?? 0))
            #expect((4_000...60_000).contains(overdue["unknown"] ?? 0))
        }
    }

    @Test("a cleanup that began in time and is still running is not overdue, until its holder is gone")
    func runningInTime() async throws {
        try await withFunctions { scene in
            try await scene.claim("jobs")
            #expect(try await scene.tick(.init("jobs"))["overdue"]?.count == 0)
            try await scene.schedule("jobs", in: -1)
            let answer = try await scene.tick(.init("jobs"), beat: .init(places: 0))
            #expect(answer["overdue"]?[0].string == "jobs")
        }
    }
}
