import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

/// What somebody has written where Curfew keeps its own: it must not spread.
@Suite("functions on keys that others have written", .tags(.ownServer), .timeLimit(.minutes(4)))
struct FunctionsFlawTests {
    private func claims(_ answer: TickCall.Answer) -> [String] { answer.claims.map(\.cleanup) }

    private func known(_ names: [String]) -> [KnownCleanup] {
        names.map { KnownCleanup(name: $0, policy: "stuck", isDryRun: false, next: .every(milliseconds: 60_000)) }
    }

    private static let flaws: [(String, String, [String])] = [
        ("fence", "expected a whole number", ["HSET", "{curfew}:fence", "b", "12x"]),
        (
            "fence that can't be counted on", "expected a whole number",
            ["HSET", "{curfew}:fence", "b", "9223372036854775807"]
        ),
        ("lease", "{curfew}:lease:b is a string: expected a hash", ["SET", "{curfew}:lease:b", "x"]),
    ]

    @Test("a cleanup that can't be claimed is told, and doesn't keep others from being claimed", arguments: flaws)
    func one(_ name: String, _ words: String, _ command: [String]) async throws {
        try await withFunctions { scene in
            let id = try await scene.register(known(["a", "b", "c"]))
            for (place, name) in ["a", "b", "c"].enumerated() {
                try await scene.schedule(name, in: Int64(place) - 10_000)
            }
            try await scene.redis.send(RedisCommand(command[0], Array(command.dropFirst())))
            let first = try await scene.library.call(scene.tickCall(.init(places: 2), registration: id))
            #expect(claims(first) == ["a", "c"])
            #expect(first.flaws.keys.sorted() == ["b"] && first.flaws["b"]?.contains(words) == true, "\(first.flaws)")
            // It is stepped over, and looked at again with the next heartbeat.
            let second = try await scene.library.call(
                scene.tickCall(.init(places: 2), registration: id, cursor: first.cursor))
            #expect(claims(second).isEmpty && !second.hasMore)
            try await scene.send("DEL", "{curfew}:lease:b")
            try await scene.send("HSET", scene.keys.fence, "b", "12")
            let third = try await scene.library.call(scene.tickCall(.init(places: 2), registration: id))
            #expect(claims(third) == ["b"] && third.flaws.isEmpty)
            #expect(third.claims.first?.fence == "13")
        }
    }

    @Test(
        "a lost run is one entry, whatever keeps its cleanup or others from being claimed",
        arguments: ["fence", "metrics"])
    func lostOnce(flaw: String) async throws {
        try await withFunctions { scene in
            let id = try await scene.register(known(["a", "b"]))
            try await scene.claim("a")
            try await scene.schedule("a", in: -10_000)
            try await scene.schedule("b", in: -5_000)
            if flaw == "fence" {
                try await scene.send("HSET", scene.keys.fence, "b", "foo")
            } else {
                try await scene.send("DEL", scene.keys.metrics)
                try await scene.send("SET", scene.keys.metrics, "x")
            }
            var errors: [String] = []
            for _ in 0..<5 {
                do {
                    _ = try await scene.library.call(scene.tickCall(.init(places: 4), registration: id))
                } catch {
                    errors.append("\(error)")
                }
            }
            let lost = try await scene.stream(scene.keys.runs).filter { $0["status"] == "lost" }
            #expect(lost.count == (flaw == "fence" ? 1 : 0))
            #expect(errors.isEmpty == (flaw == "fence"))
            #expect(errors.allSatisfy { $0.contains("{curfew}:metrics is a string: expected a stream") }, "\(errors)")
        }
    }

    @Test(
        "a run whose end can't be written everywhere has no entry for each try",
        arguments: ["alerts", "events", "running"])
    func endsOnce(name: String) async throws {
        try await withFunctions { scene in
            let key = "{curfew}:\(name)"
            try await scene.claim("jobs")
            try await scene.send("DEL", key)
            try await scene.send("SET", key, "x")
            for _ in 0..<3 {
                await #expect(throws: (any Error).self) { try await scene.finish("jobs", fence: "1", next: nil) }
            }
            #expect(try await scene.send("XLEN", scene.keys.runs).integer == 0)
            try await scene.send("DEL", key)
            #expect(try await scene.finish("jobs", fence: "1", next: nil) != nil)
            #expect(try await scene.stream(scene.keys.runs).map { $0["status"] } == ["completed"])
        }
    }

    @Test("an alert that can't be read keeps no run from ending")
    func alert() async throws {
        try await withFunctions { scene in
            try await scene.claim("jobs")
            try await scene.send("SET", scene.keys.alert("many"), "x")
            let known = try await scene.finish("jobs", fence: "1", next: nil, alerts: ["many"])
            #expect(known?.alerts.count == 1)
            #expect(try await scene.stream(scene.keys.runs).map { $0["status"] } == ["completed"])
        }
    }

    @Test("an error of a tick names the key, and what is there", arguments: ["schedule", "running", "paused", "fence"])
    func named(name: String) async throws {
        try await withFunctions { scene in
            let id = try await scene.register(known(["a"]))
            try await scene.schedule("a", in: -1_000)
            try await scene.send("DEL", "{curfew}:\(name)")
            try await scene.send("SET", "{curfew}:\(name)", "x")
            do {
                _ = try await scene.library.call(scene.tickCall(.init(places: 4), registration: id))
                Issue.record("there was no error")
            } catch {
                #expect("\(error)".contains("{curfew}:\(name) is a string: expected a "), "\(error)")
            }
        }
    }

    @Test("nobody is waited for without end to register")
    func registrar() async throws {
        try await withFunctions { scene in
            let key = scene.keys.registrar(of: "x")
            try await scene.send("SET", key, "somebody")
            let call = scene.tickCall(registration: "x")
            #expect(try await scene.library.call(call).registering == .wait)
            try await eventually("it is this one's turn") { try await scene.library.call(call).registering == .now }
        }
    }

    @Test("a cleanup that was taken out of the registration by hand is registered again")
    func takenOut() async throws {
        try await withFunctions { scene in
            let id = try await scene.register(known(["a", "b"]))
            try await scene.send("HDEL", scene.keys.knows(id), "b")
            var call = scene.tickCall(registration: id)
            call.probes = ["a", "b"]
            #expect(try await scene.library.call(call).registering == .now)
        }
    }

    @Test(
        "in a large fleet every heartbeat is told of the leases that end before the next, however much is due before them"
    )
    func endings() async throws {
        try await withFunctions { scene in
            let names = ["long"] + (0..<20).map { "short-\($0)" }
            let id = try await scene.register(known(names))
            try await scene.claim("long")
            for (place, name) in names.dropFirst().enumerated() {
                try await scene.schedule(name, in: 100_000 + Int64(place))
            }
            try await scene.schedule("long", in: 900_000)
            for number in 0..<70 {
                try await scene.send(
                    "ZADD", scene.keys.mates(id), String(try await scene.now()), "instance-\(number)")
            }
            let call = scene.tickCall(.init(heartbeat: 1_000_000), registration: id)
            let answer = try await scene.library.call(call)
            #expect(answer.next.filter(\.isLease).map(\.name) == ["long"], "\(answer.next.map(\.name))")
            // One that is renewed before is none.
            try await scene.schedule("long", in: 1_100_000)
            #expect(try await scene.library.call(call).next.filter(\.isLease).isEmpty)
        }
    }

    @Test("what is overdue is seen behind any number of paused cleanups, and all of it")
    func hidden() async throws {
        try await withFunctions { scene in
            let id = try await scene.register(known(["a"]))
            for number in 0..<1_500 {
                try await scene.send("HSET", scene.keys.paused, "paused-\(number)", "{}")
                try await scene.schedule("paused-\(number)", in: -100_000)
            }
            for number in 0..<150 { try await scene.schedule("gone-\(number)", in: -50_000) }
            let answer = try await scene.library.call(scene.tickCall(registration: id))
            #expect(answer.overdue.keys.count { $0.hasPrefix("gone-") } == 150 && !answer.isPartial)
            for number in 0..<1_000 { try await scene.schedule("more-\(number)", in: -40_000) }
            let more = try await scene.library.call(scene.tickCall(registration: id))
            #expect(more.overdue.count == 1_000 && more.isPartial)
        }
    }
}
