import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

@Suite("curfew_commit: writes", .tags(.ownServer))
struct CommitWriteTests {
    static let status = CommitWords.Check("equals", takes: "value", field: "status")

    @Test("every kind of write is made, constants and holes each in their place")
    func writes() async throws {
        try await withFunctions { scene in
            try await scene.send("HSET", "job:a", "status", "RUNNING", "error", "old")
            try await scene.send("SET", "old", "x")
            var call = CommitWords(shared: ["events", "seen"])
            try call.statement(
                keys: 7, [Self.status],
                [
                    .init(1, "INCRBY", nil), .init(2, "HSET", nil, nil),
                    .init(0, "HSET", "status", "FAILED", "at", nil),
                    .init(0, "HDEL", "error"), .init(3, "RPUSH", nil), .init(4, "LPUSH", nil),
                    .init(5, "RENAME", nil), .init(6, "PEXPIRE", "60000"),
                    .init(-1, "XADD", "*", "record", nil), .init(-2, "HSET", nil, "1"),
                ])
            call.change(
                keys: ["job:a", "balance", "ledger", "queue", "stack", "old", "trash"], "a", "RUNNING", "10", "a@1",
                "10",
                "17", "a", "b", "trash", "a", "a")
            #expect(try await call.send(to: scene) == #"["ok"]"#)
            #expect(try await scene.hash("job:a") == ["status": "FAILED", "at": "17"])
            #expect(try await scene.send("GET", "balance").string == "10")
            #expect(try await scene.hash("ledger") == ["a@1": "10"])
            #expect(try await scene.send("LRANGE", "queue", "0", "-1").description == #"["a"]"#)
            #expect(try await scene.send("LRANGE", "stack", "0", "-1").description == #"["b"]"#)
            #expect(try await scene.send("EXISTS", "old").integer == 0)
            #expect((1...60_000).contains(try await scene.send("PTTL", "trash").integer ?? 0))
            #expect(try await scene.stream("events").map { $0["record"] } == ["a"])
            #expect(try await scene.hash("seen") == ["a": "1"])
        }
    }

    @Test("what all changes of a run have comes once, wherever it is used, and in another run something else does")
    func shared() async throws {
        try await withFunctions { scene in
            for id in ["a", "b", "c", "d", "e"] { try await scene.send("HSET", "job:\(id)", "status", "RUNNING") }
            try await scene.send("HSET", "job:b", "status", "DONE")
            var call = CommitWords(shared: ["events"])
            // 1 the member, 2 the status, 3 and 4 what is written, 5 and 6 what is told.
            try call.statement(
                [Self.status],
                [.init(0, "HSET", "error", nil, "at", nil), .init(-1, "XADD", "*", "record", nil, "why", nil)])
            call.run(
                "1=2,4,6", keys: ["job:a", "job:b"], shared: ["RUNNING", "17", "late"],
                [["a", "first", "a"], ["b", "second", "b"]])
            call.run(
                "1=3", keys: ["job:c", "job:d"], shared: ["same"],
                [
                    ["c", "RUNNING", "18", "c", "so"], ["d", "QUEUED", "19", "d", "so"],
                ])
            call.change(keys: ["job:e"], "e", "RUNNING", "last", "20", "e", "thus")
            #expect(try await call.send(to: scene) == #"["ok", 2, 1, 4, 1]"#)
            #expect(try await scene.hash("job:a") == ["status": "RUNNING", "error": "first", "at": "17"])
            #expect(try await scene.hash("job:b") == ["status": "DONE"])
            #expect(try await scene.hash("job:c") == ["status": "RUNNING", "error": "same", "at": "18"])
            #expect(try await scene.hash("job:d") == ["status": "RUNNING"])
            #expect(try await scene.hash("job:e") == ["status": "RUNNING", "error": "last", "at": "20"])
            let told = try await scene.stream("events").map { "\($0["record"] ?? "") \($0["why"] ?? "")" }
            #expect(told == ["a late", "c so", "e thus"])
        }
    }

    @Test("a run has its shared places as its changes happen to be alike, however often that changes")
    func sharedPlaces() async throws {
        try await withFunctions { scene in
            // More ways than are kept.
            for number in 0..<64 {
                var call = CommitWords()
                try call.statement([], [.init(0, "RPUSH", nil, nil, nil, nil, nil, nil)])
                let places = (0..<6).filter { number >> $0 & 1 == 1 }
                let rows = ["x", "y"].map { row in ["m"] + (0..<6).filter { !places.contains($0) }.map { "\(row)\($0)" }
                }
                let list = places.map { String($0 + 2) }.joined(separator: ",")
                call.run(
                    places.isEmpty ? "1" : "1=\(list)", keys: ["x:\(number)", "y:\(number)"],
                    shared: places.map { "all\($0)" }, rows)
                #expect(try await call.send(to: scene) == #"["ok"]"#)
                for row in ["x", "y"] {
                    let expected = (0..<6).map { places.contains($0) ? "all\($0)" : "\(row)\($0)" }
                    let found = try await scene.send("LRANGE", "\(row):\(number)", "0", "-1")
                    #expect(found.elements.map(\.string) == expected, "\(list)")
                }
            }
        }
    }

    @Test("a change's own keys can be arguments too, each change its own")
    func keysAsArguments() async throws {
        try await withFunctions { scene in
            var call = CommitWords(shared: ["events"])
            try call.statement(
                keys: 2, [.init("missing", 1)],
                [
                    .init(0, "SET", nil), .init(0, "RENAME", nil, keys: [1: 1]),
                    .init(-1, "XADD", "*", "from", nil, "to", nil, "id", nil, keys: [3: 0, 5: 1]),
                ])
            call.change(keys: ["a", "trash:a"], "a", "1", "id-a")
            call.change(keys: ["b", "trash:b"], "b", "2", "id-b")
            #expect(try await call.send(to: scene) == #"["ok"]"#)
            #expect(try await scene.send("MGET", "trash:a", "trash:b").description == #"["1", "2"]"#)
            let entries = try await scene.stream("events").map { $0.fields.map(\.value) }
            #expect(entries == [["a", "trash:a", "id-a"], ["b", "trash:b", "id-b"]])
        }
    }

    @Test("each change stands or falls alone: the answer names those that were not made")
    func alone() async throws {
        try await withFunctions { scene in
            for name in ["a", "b", "c", "d"] {
                try await scene.send("HSET", "job:\(name)", "status", name == "b" ? "DONE" : "RUNNING")
                try await scene.send("ZADD", "index", "1", name)
            }
            try await scene.send("SET", "job:c2", "x")
            var call = CommitWords()
            try call.statement([Self.status], [.init(0, "HSET", "status", "FAILED")])
            for name in ["a", "b", "c2", "d"] { call.change(keys: ["job:\(name)"], name, "RUNNING") }
            #expect(
                try await call.send(to: scene)
                    == #"["ok", 2, 1, 3, "WRONGTYPE job:c2 is a string: expected a hash"]"#)
            #expect(try await scene.hash("job:a") == ["status": "FAILED"])
            #expect(try await scene.hash("job:b") == ["status": "DONE"])
            #expect(try await scene.hash("job:d") == ["status": "FAILED"])
            #expect(try await scene.send("ZRANGE", "index", "0", "-1").description == #"["b", "c"]"#)
        }
    }

    @Test(
        "a later key of the wrong type refuses the whole change before its first write",
        arguments: ["HSET", "HDEL", "HINCRBY", "INCRBY", "SET", "LPUSH", "RPUSH", "XADD", "ZADD", "ZREM"])
    func wrongType(command: String) async throws {
        let needed =
            [
                "HSET": "hash", "HDEL": "hash", "HINCRBY": "hash", "INCRBY": "string", "SET": "string", "LPUSH": "list",
                "RPUSH": "list", "XADD": "stream", "ZADD": "zset", "ZREM": "zset",
            ][command] ?? ""
        try await withFunctions { scene in
            try await scene.send("SADD", "set", "x")
            var call = CommitWords()
            try call.statement(keys: 2, [], [.init(0, "INCRBY", "10"), .init(1, command, nil, "1")])
            call.change(keys: ["balance", "set"], "a", "1")
            #expect(
                try await call.send(to: scene) == #"["ok", 1, "WRONGTYPE set is a set: expected a \#(needed)"]"#)
            #expect(try await scene.send("EXISTS", "balance").integer == 0)
        }
    }

    @Test("a guard of another kind on the same key does not pass for the type that a write needs")
    func provenOtherwise() async throws {
        try await withFunctions { scene in
            try await scene.send("SET", "text", "x")
            var call = CommitWords()
            try call.statement(
                keys: 2, [.init("text", 1, takes: "value")], [.init(0, "INCRBY", "10"), .init(1, "HSET", "a", "1")])
            call.change(keys: ["balance", "text"], "a", "x")
            #expect(try await call.send(to: scene) == #"["ok", 1, "WRONGTYPE text is a string: expected a hash"]"#)
            #expect(try await scene.send("EXISTS", "balance").integer == 0)
        }
    }

    @Test(
        "a first write that fails on what it finds leaves nothing behind, and the others go on",
        arguments: ["eleven", "9223372036854775807"])
    func notANumber(found: String) async throws {
        try await withFunctions { scene in
            try await scene.send("SET", "balance:a", found)
            var call = CommitWords()
            try call.statement(keys: 2, [], [.init(0, "INCRBY", "10"), .init(1, "HSET", "status", "FAILED")])
            call.change(keys: ["balance:a", "job:a"], "a")
            call.change(keys: ["balance:b", "job:b"], "b")
            let answer = try await call.send(to: scene)
            let why =
                found == "eleven"
                ? "ERR balance:a is “eleven”: expected a whole or decimal number"
                : "ERR balance:a is “\(found)”: 10 more is too large for it"
            #expect(answer.readable == #"["ok", 1, "\#(why)"]"#)
            #expect(try await scene.send("GET", "balance:a").string == found)
            #expect(try await scene.send("EXISTS", "job:a").integer == 0)
            #expect(try await scene.send("GET", "balance:b").string == "10")
            #expect(try await scene.hash("job:b") == ["status": "FAILED"])
        }
    }

    @Test("a shared key of the wrong type refuses the changes of that statement, and no others")
    func sharedWrongType() async throws {
        try await withFunctions { scene in
            try await scene.send("SADD", "events", "x")
            var call = CommitWords(shared: ["events"])
            try call.statement(
                [Self.status], [.init(0, "HSET", "status", "FAILED"), .init(-1, "XADD", "*", "record", nil)])
            try call.statement([], [.init(0, "SET", nil)])
            call.change(1, keys: ["job:a"], "a", "RUNNING", "a")
            call.change(2, keys: ["text"], "b", "done")
            #expect(
                try await call.send(to: scene) == #"["ok", 1, "WRONGTYPE events is a set: expected a stream"]"#)
            #expect(try await scene.send("EXISTS", "job:a").integer == 0)
            #expect(try await scene.send("GET", "text").string == "done")
        }
    }

    @Test("the index entry goes, is re-scored, or stays as the statement says")
    func index() async throws {
        try await withFunctions { scene in
            for name in ["a", "b", "c"] { try await scene.send("ZADD", "index", "1", name) }
            var call = CommitWords()
            try call.statement(keys: 0, index: "remove", [], [])
            try call.statement(keys: 0, index: "score", [.init("missing", -1)], [])
            try call.statement(keys: 0, index: "none", [], [])
            call.arguments.shared = ["nothing"]
            call.change(1, keys: [], "a")
            call.change(2, keys: [], "b", "1763700000000")
            call.change(3, keys: [], "c")
            #expect(try await call.send(to: scene) == #"["ok"]"#)
            #expect(
                try await scene.send("ZRANGE", "index", "0", "-1", "WITHSCORES").description
                    == #"["c", "1", "b", "1763700000000"]"#)
        }
    }

    @Test(
        "an index of the wrong type refuses what would change it, before anything is written",
        arguments: ["remove", "score"])
    func indexWrongType(effect: String) async throws {
        try await withFunctions { scene in
            try await scene.send("SET", "index", "x")
            var call = CommitWords()
            try call.statement(index: effect, [], [.init(0, "SET", "done")])
            try call.statement(index: "none", [], [.init(0, "SET", "done")])
            if effect == "score" {
                call.change(1, keys: ["one"], "a", "17")
            } else {
                call.change(1, keys: ["one"], "a")
            }
            call.change(2, keys: ["two"], "b")
            #expect(try await call.send(to: scene) == #"["ok", 1, "WRONGTYPE index is a string: expected a zset"]"#)
            #expect(try await scene.send("EXISTS", "one").integer == 0)
            #expect(try await scene.send("GET", "two").string == "done")
        }
    }

    @Test("a thousand changes go in one call, removed and re-scored ones among them")
    func thousand() async throws {
        try await withFunctions { scene in
            let ids = (0..<1_000).map { "id-\($0)" }
            try await scene.redis.pipeline(ids.map { RedisCommand("ZADD", ["index", "1", $0]) })
            var call = CommitWords()
            try call.statement([], [.init(0, "HSET", "status", nil)])
            try call.statement(index: "score", [], [.init(0, "HSET", "status", nil)])
            for (place, id) in ids.enumerated() {
                if place.isMultiple(of: 2) {
                    call.change(1, keys: ["job:\(id)"], id, "even")
                } else {
                    call.change(2, keys: ["job:\(id)"], id, "17", "odd")
                }
            }
            #expect(try await call.send(to: scene) == #"["ok"]"#)
            #expect(try await scene.send("ZCARD", "index").integer == 500)
            #expect(try await scene.send("ZCOUNT", "index", "17", "17").integer == 500)
            let found = try await scene.redis.pipeline(ids.map { RedisCommand("HGET", ["job:\($0)", "status"]) })
            #expect(found.enumerated().allSatisfy { $1.string == ($0.isMultiple(of: 2) ? "even" : "odd") })
        }
    }

    @Test("a right that is missing for a later write refuses the change whole", .enabled(if: RedisServer.hasFunctions))
    func rights() async throws {
        try await withFunctions { scene in
            try await scene.send("HSET", "job:a", "status", "RUNNING")
            var call = CommitWords()
            try call.statement(
                keys: 2, [Self.status], [.init(0, "HSET", "status", "QUEUED"), .init(1, "RPUSH", nil)])
            call.change(keys: ["job:a", "queue"], "a", "RUNNING", "a")
            _ = try await scene.send("ACL", "SETUSER", "default", "-rpush")
            #expect(
                try await call.send(to: scene) == #"["ok", 1, "NOPERM this user has no right to RPUSH at queue"]"#)
            #expect(try await scene.hash("job:a") == ["status": "RUNNING"])
            _ = try await scene.send("ACL", "SETUSER", "default", "+rpush")
            #expect(try await call.send(to: scene) == #"["ok"]"#)
            #expect(try await scene.hash("job:a") == ["status": "QUEUED"])
        }
    }

    @Test("a statement that was read before takes the time, the shared keys and the rights of each call")
    func knownStatement() async throws {
        try await withFunctions { scene in
            try await scene.send("SET", "wrong", "type")
            for (time, stream, expected) in [
                ("1", "one", #"["ok"]"#), ("2", "two", #"["ok"]"#),
                ("3", "wrong", #"["ok", 1, "WRONGTYPE wrong is a string: expected a stream"]"#),
                ("4", "one", #"["ok"]"#),
            ] {
                var call = CommitWords(shared: ["index", stream])
                call.arguments.time = time
                try call.statement([.init("absent", field: "held")], [.init(-2, "XADD", "*", "at", nil, time: 3)])
                call.change(keys: ["job"], "a")
                #expect(try await call.send(to: scene) == expected)
            }
            let entries = try await scene.send("XRANGE", "one", "-", "+").elements
            #expect(entries.map { $0.elements[1].elements[1].string } == ["1", "4"])
            #expect(try await scene.send("XLEN", "two").integer == 1)
        }
    }

    @Test("more statements than are kept are all read, and text in them stays text")
    func manyStatements() async throws {
        try await withFunctions { scene in
            for number in 1...200 {
                let odd = "end\" ]] \\ \n\t\u{1}é \(number)"
                var call = CommitWords()
                try call.statement([.init("absent", field: odd)], [.init(0, "HSET", odd, odd)])
                call.change(keys: ["job"], "a")
                #expect(try await call.send(to: scene) == #"["ok"]"#)
                #expect(try await scene.send("HGET", "job", odd).string == odd.held)
            }
        }
    }
}
