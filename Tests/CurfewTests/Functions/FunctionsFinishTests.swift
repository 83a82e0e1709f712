import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

@Suite("curfew_finish", .tags(.ownServer), .timeLimit(.minutes(4)))
struct FunctionsFinishTests {
    @Test("a run that ends is in history and metrics, its lease is free and the next due time stands")
    func finishes() async throws {
        try await withFunctions { scene in
            try await scene.claim("jobs")
            let next = try await scene.now() + 60_000
            #expect(try await scene.finish("jobs", fence: "1", next: next) == .init(alerts: [], definition: nil))
            #expect(try await scene.score("jobs") == next)
            #expect(try await scene.send("EXISTS", scene.keys.lease("jobs")).integer == 0)
            #expect(try await scene.stream(scene.keys.runs).map { $0["status"] } == ["completed"])
            #expect(try await scene.stream(scene.keys.metrics).map { $0["kind"] } == ["run"])
            // The fence goes on from where it was.
            #expect(try await scene.claim("jobs")["fence"]?.string == "2")
        }
    }

    @Test("a run whose lease is another's, or nobody's, ends without a trace", arguments: [true, false])
    func lost(isTaken: Bool) async throws {
        try await withFunctions { scene in
            try await scene.claim("jobs")
            if isTaken {
                try await scene.schedule("jobs", in: -1)
                try await scene.claim("jobs", by: "two")
            } else {
                try await scene.finish("jobs", fence: "1", next: nil)
            }
            let lease = try await scene.hash(scene.keys.lease("jobs"))
            let score = try await scene.score("jobs")
            let runs = try await scene.send("XLEN", scene.keys.runs)
            #expect(try await scene.finish("jobs", fence: "1", next: 99) == nil)
            #expect(try await scene.hash(scene.keys.lease("jobs")) == lease)
            #expect(try await scene.score("jobs") == score)
            #expect(try await scene.send("XLEN", scene.keys.runs) == runs)
        }
    }

    @Test("the same fence in another hand, or given at another time, is lost", arguments: ["instance", "acquired_ms"])
    func sameFence(field: String) async throws {
        try await withFunctions { scene in
            let term = try #require(try await scene.claim("jobs")["term"]?.string)
            let given = try #require(try await scene.send("HGET", scene.keys.lease("jobs"), field).string)
            try await scene.send("HSET", scene.keys.lease("jobs"), field, "7")
            #expect(try await scene.finish("jobs", fence: term, next: 99) == nil)
            #expect(try await scene.send("EXISTS", scene.keys.lease("jobs")).integer == 1)
            try await scene.send("HSET", scene.keys.lease("jobs"), field, given)
            #expect(try await scene.finish("jobs", fence: term, next: 99) == .init(alerts: [], definition: nil))
        }
    }

    @Test("a lease that ran out and that nobody took can still be given back")
    func ranOut() async throws {
        try await withFunctions { scene in
            try await scene.claim("jobs")
            try await scene.schedule("jobs", in: -1)
            #expect(try await scene.finish("jobs", fence: "1", next: nil) != nil)
        }
    }

    @Test("a hand-over is due at once, and wakes whoever listens")
    func handsOver() async throws {
        try await withFunctions { scene in
            try await scene.claim("jobs")
            try await scene.redis.subscribe(scene.keys.wake) { messages in
                let before = try await scene.now()
                try await scene.finish("jobs", fence: "1", next: nil)
                let score = try #require(try await scene.score("jobs"))
                let after = try await scene.now()
                #expect((before...after).contains(score))
                for try await message in messages {
                    #expect(message == "jobs")
                    break
                }
            }
        }
    }

    @Test("a run that ends as scheduled wakes nobody")
    func isQuiet() async throws {
        try await withFunctions { scene in
            try await scene.claim("a")
            try await scene.claim("b")
            try await scene.redis.subscribe(scene.keys.wake) { messages in
                try await scene.finish("a", fence: "1", next: 99)
                try await scene.finish("b", fence: "1", next: nil)
                for try await message in messages {
                    #expect(message == "b")
                    break
                }
            }
        }
    }

    @Test("every stream is trimmed by its own age")
    func trimsByAge() async throws {
        try await withFunctions { scene in
            try await scene.send("CONFIG", "SET", "stream-node-max-entries", "10")
            let now = try await scene.now()
            let streams = [scene.keys.runs, scene.keys.metrics, scene.keys.events, scene.keys.alerts]
            for stream in streams {
                try await scene.redis.pipeline(
                    (0..<60 as Range<Int64>).map {
                        RedisCommand("XADD", [stream, "\(now - 60_000 + $0)-1", "cleanup", "old"])
                    })
            }
            try await scene.claim("jobs")
            let ages = FinishCall.Ages(
                runs: .seconds(100), metrics: .seconds(50), events: .seconds(100), alerts: .seconds(50))
            try await scene.finish("jobs", fence: "1", next: 99, ages: ages)
            var lengths: [Int64?] = []
            for stream in streams { lengths.append(try await scene.send("XLEN", stream).integer) }
            // Trimmed approximately: what is left of the old is less than a node of ten.
            #expect(lengths[0] == 61)
            #expect((lengths[1] ?? 99) < 11)
            #expect(lengths[2] == 60)
            #expect((lengths[3] ?? 99) < 10)
        }
    }

    @Test("history and metrics are trimmed by length")
    func trimsByLength() async throws {
        try await withFunctions { scene in
            try await scene.send("CONFIG", "SET", "stream-node-max-entries", "10")
            for fence in 1...60 {
                try await scene.claim("jobs")
                try await scene.finish("jobs", fence: String(fence), next: 99, length: 20)
            }
            for stream in [scene.keys.runs, scene.keys.metrics] {
                let length = try #require(try await scene.send("XLEN", stream).integer)
                #expect((20...30).contains(length))
            }
        }
    }

    @Test("the answer has definition, state and since of each alert, empty where nothing is known")
    func alertStates() async throws {
        try await withFunctions { scene in
            try await scene.send(
                "HSET", scene.keys.alert("many"), "definition", "found > 1", "state:jobs", "firing", "since_ms:jobs",
                "17", "state:locks", "resolved")
            try await scene.claim("jobs")
            let reply = try await scene.finish("jobs", fence: "1", next: 99, alerts: ["none", "many"])
            let known: [FinishCall.Alert] = [
                .init(definition: "", state: "", since: ""),
                .init(definition: "found > 1", state: "firing", since: "17"),
            ]
            #expect(reply?.alerts == known && reply?.definition == nil)
        }
    }

    @Test("runs that end together are all in the history, each with its own answer, next due time and lease")
    func together() async throws {
        try await withFunctions { scene in
            let names = ["jobs", "locks", "files"]
            for name in names { try await scene.claim(name) }
            try await scene.send("HSET", scene.keys.alert("many"), "state:locks", "firing")
            try await scene.send("HSET", scene.keys.definitions, "jobs", "{}")
            let next = try await scene.now() + 60_000
            let answers = try await scene.finish([
                scene.end("jobs", "1", next: next), scene.end("files", "7", next: next),
                scene.end("locks", "1", next: next + 1, alerts: ["many"]),
            ])
            let known = FinishCall.Alert(definition: "", state: "firing", since: "")
            #expect(
                answers == [.init(alerts: [], definition: "{}"), nil, .init(alerts: [known], definition: nil)])
            #expect(try await scene.stream(scene.keys.runs).map { $0["cleanup"] } == ["jobs", "locks"])
            #expect(try await scene.stream(scene.keys.metrics).count == 2)
            #expect(try await scene.score("jobs") == next)
            #expect(try await scene.score("locks") == next + 1)
            #expect(try await scene.send("EXISTS", scene.keys.lease("jobs"), scene.keys.lease("locks")).integer == 0)
            #expect(try await scene.send("EXISTS", scene.keys.lease("files")).integer == 1)
        }
    }

    @Test("where the lease of one can't be read, none of those that end with it has ended half")
    func unreadable() async throws {
        try await withFunctions { scene in
            for name in ["jobs", "locks"] { try await scene.claim(name) }
            try await scene.send("SET", scene.keys.lease("locks"), "text")
            await #expect(throws: CurfewError.self) {
                try await scene.finish([
                    scene.end("jobs", "1", next: 99), scene.end("locks", "1", next: 99),
                ])
            }
            #expect(try await scene.send("XLEN", scene.keys.runs).integer == 0)
            #expect(try await scene.finish("jobs", fence: "1", next: 99) != nil)
        }
    }
}
