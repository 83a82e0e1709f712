import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

@Suite("curfew_tick and curfew_register: many cleanups, many instances", .tags(.ownServer))
struct FunctionsFleetTests {
    private func names(_ count: Int) -> [String] {
        (0..<count).map { "c" + String(10_000 + $0).dropFirst() }
    }

    private func known(_ names: [String]) -> [KnownCleanup] {
        names.map { KnownCleanup(name: $0, policy: "stuck", isDryRun: false, next: .every(milliseconds: 60_000)) }
    }

    private func claims(_ answer: TickCall.Answer) -> [String] { answer.claims.map(\.cleanup) }

    /// How many commands the server has carried out, those of functions included.
    private func commands(_ scene: FunctionsScene) async throws -> Int {
        let text = try await scene.send("INFO", "commandstats").string ?? ""
        return text.split(whereSeparator: \.isNewline).compactMap { line in
            line.split(separator: "calls=").dropFirst().first.flatMap { Int($0.prefix { $0.isNumber }) }
        }.reduce(0, +)
    }

    @Test(
        "one call claims as many as there are places, the most overdue first, each with a fence and a lease of its own")
    func several() async throws {
        try await withFunctions { scene in
            let id = try await scene.register(known(["a", "b", "c", "d", "e"]))
            for (name, distance) in [("a", -1_000), ("b", -5_000), ("c", -3_000), ("d", -4_000), ("e", 60_000)] {
                try await scene.schedule(name, in: Int64(distance))
            }
            let call = scene.tickCall(.init(places: 3), registration: id)
            let answer = try await scene.library.call(call)
            #expect(claims(answer) == ["b", "d", "c"])
            #expect(answer.claims.map(\.run) == ["b-1", "d-1", "c-1"])
            for name in ["b", "c", "d"] {
                #expect(try await scene.send("HGET", scene.keys.lease(name), "run").string == "\(name)-1")
                #expect(try await scene.score(name) == answer.now + 120_000)
            }
            let other = scene.tickCall(.init(instance: "two", places: 3), registration: id)
            let rest = try await scene.library.call(other)
            #expect(claims(rest) == ["a"])
            #expect(rest.next.first?.name == "e" && rest.sleep == 10_000)
        }
    }

    @Test("a tick costs the same, whether ten cleanups are known or a thousand", arguments: [false, true])
    func cost(isBeat: Bool) async throws {
        try await withFunctions { scene in
            var costs: [Int] = []
            for count in [10, 1_000] {
                let id = try await scene.register(known(names(count)))
                for (place, name) in names(count).enumerated() {
                    try await scene.schedule(name, in: 3_600_000 + 1_000 * Int64(place))
                }
                let beat = FunctionsScene.Beat(
                    fields: isBeat ? [("host", "a")] : [], metrics: isBeat ? [("kind", "instance")] : [])
                let call = scene.tickCall(beat, registration: id)
                _ = try await scene.library.call(call)
                let before = try await commands(scene)
                let answer = try await scene.library.call(call)
                costs.append(try await commands(scene) - before)
                #expect(answer.claims.isEmpty && answer.sleep == 10_000 && answer.registering == .notNeeded)
            }
            #expect(costs[0] == costs[1] && costs[0] <= 30, "\(costs)")
        }
    }

    @Test("what is due but paused or unknown is stepped over, however much, and not looked at again until a heartbeat")
    func steppedOver() async throws {
        try await withFunctions { scene in
            let names = names(400)
            let id = try await scene.register(known(names))
            for (place, name) in names.enumerated() { try await scene.schedule(name, in: Int64(place) - 10_000) }
            for name in names.prefix(390) { try await scene.send("HSET", scene.keys.paused, name, "{}") }
            try await scene.schedule("foreign", in: -20_000)
            var cursor = TickCursor.start
            var found: [String] = []
            var calls = 0
            /// Between two heartbeats.
            func tick(places: Int, _ cursor: TickCursor) async throws -> TickCall.Answer {
                var call = scene.tickCall(.init(places: places), registration: id, cursor: cursor)
                call.isWatching = false
                return try await scene.library.call(call)
            }
            repeat {
                let answer = try await tick(places: 4, cursor)
                cursor = answer.cursor
                found += claims(answer)
                calls += 1
                if !answer.hasMore { break }
            } while calls < 10
            #expect(calls == 2 && found == Array(names[390..<394]))
            #expect(cursor == TickCursor(rank: 391, last: names[389]))
            // Resumed by hand: seen by a tick that begins anew.
            try await scene.send("HDEL", scene.keys.paused, names[7])
            #expect(claims(try await tick(places: 2, cursor)) == Array(names[394..<396]))
            #expect(claims(try await tick(places: 1, .start)) == [names[7]])
            // What was stepped over has changed, so the old place says nothing.
            let last = try await tick(places: 2, cursor)
            #expect(claims(last).isEmpty && last.hasMore && last.cursor.rank == 256)
        }
    }

    @Test("of many that Redis has forgotten the first is asked to register, the others wait for it")
    func forgotten() async throws {
        try await withFunctions { scene in
            let calls = ["one", "two", "three"].map { scene.tickCall(.init(instance: $0), registration: "x") }
            _ = try await scene.library.call(calls[0])
            // It has all the time in the world.
            try await scene.send("PERSIST", scene.keys.registrar(of: "x"))
            for _ in 0..<2 {
                var asked: [TickCall.Registering] = []
                for call in calls { asked.append(try await scene.library.call(call).registering) }
                #expect(asked == [.now, .wait, .wait])
            }
            for call in RegisterCall.all(known(names(120)), as: "x", memory: .seconds(60), scene.keys) {
                #expect(try await scene.library.call(calls[1]).registering == .wait)
                try await scene.library.call(call)
            }
            let answer = try await scene.library.call(calls[1])
            #expect(answer.registering == .notNeeded && answer.claims.count == 1)
            #expect(try await scene.send("ZCARD", scene.keys.schedule).integer == 120)
        }
    }

    @Test("what was taken off the schedule by hand is asked for again", arguments: [false, true])
    func takenOff(isAll: Bool) async throws {
        try await withFunctions { scene in
            let id = try await scene.register(known(["a", "b"]))
            for name in ["a", "b", "other"] { try await scene.schedule(name, in: 60_000) }
            var call = scene.tickCall(.init(fields: [("host", "a")]), registration: id)
            call.probes = ["a", "b"]
            #expect(try await scene.library.call(call).registering == .notNeeded)
            if isAll {
                try await scene.send("DEL", scene.keys.schedule)
            } else {
                try await scene.send("ZREM", scene.keys.schedule, "b")
            }
            #expect(try await scene.library.call(call).registering == .now)
            try await scene.register(known(["a", "b"]))
            #expect(try await scene.library.call(call).registering == .notNeeded)
            #expect(try await scene.score("b") != nil)
        }
    }

    @Test("a registration lasts as long as one instance says that it lives, and counts those that do")
    func mates() async throws {
        try await withFunctions { scene in
            let id = try await scene.register(known(["a"]))
            try await scene.schedule("a", in: 60_000)
            for (number, name) in ["one", "two", "three"].enumerated() {
                let call = scene.tickCall(
                    .init(instance: name, lease: 60_000, heartbeat: 10_000, fields: [("host", "a")]), registration: id)
                #expect(try await scene.library.call(call).mates == number + 1)
            }
            let left = try await scene.send("PTTL", scene.keys.knows(id)).integer ?? 0
            #expect((60_001...120_000).contains(left))
            let silent = String(try await scene.now() - 61_000)
            try await scene.send("ZADD", scene.keys.mates(id), silent, "two")
            let call = scene.tickCall(
                .init(lease: 60_000, heartbeat: 10_000, fields: [("host", "a")]), registration: id)
            #expect(try await scene.library.call(call).mates == 2)
        }
    }

    /// A version of Curfew without `running` and registrations claims, renews and ends by the same schedule and leases.
    @Test("leases of an older version are held, taken over and ended like those of this one")
    func olderVersion() async throws {
        try await withFunctions { scene in
            // It claims: no entry of ours.
            try await scene.claim("jobs", by: "older")
            try await scene.send("DEL", scene.keys.running)
            let answer = try await scene.tick(.init("jobs"), beat: .init(instance: "two"))
            #expect(answer["claim"] == nil)
            try await scene.schedule("jobs", in: -10)
            let taken = try await scene.tick(.init("jobs"), beat: .init(instance: "two"))
            #expect(taken["claim"]?.string == "jobs" && taken["lost"]?.string == "jobs-1")
            // It takes over from us, and ends.
            try await scene.send("DEL", scene.keys.lease("jobs"))
            try await scene.schedule("jobs", in: 60_000)
            #expect(try await scene.send("ZCARD", scene.keys.running).integer == 1)
            let last = try await scene.tick(.init("jobs"), beat: .init(instance: "two"))
            #expect(last["claim"] == nil && last["overdue"]?.count == 0)
            #expect(try await scene.send("ZCARD", scene.keys.running).integer == 0)
        }
    }

    @Test("a late start is overdue until its run has ended")
    func lateStart() async throws {
        try await withFunctions { scene in
            try await scene.schedule("jobs", in: -9_000)
            let fence = try await scene.tick(.init("jobs"))["fence"]?.string ?? ""
            #expect(try await scene.tick(.init("jobs"))["overdue"]?.count == 2)
            try await scene.finish("jobs", fence: fence, next: try await scene.now() + 60_000)
            #expect(try await scene.tick(.init("jobs"))["overdue"]?.count == 0)
        }
    }
}
