import RedisClient
import TestNeeds
import Testing

@testable import Curfew

@Suite("curfew_commit: guards", .tags(.ownServer))
struct CommitGuardTests {
    /// A guard, what it is filled with, and what it says of the keys that ``prepare(_:)`` makes.
    struct Row: CustomTestStringConvertible {
        var check: CommitWords.Check
        var key: String
        var values: [String] = []
        var expected: String

        var testDescription: String { "\(check.kind) of \(key) \(check.field) \(values)" }
    }

    static let holds = #"["ok"]"#
    static let moved = #"["ok", 1, 1]"#
    static func wrong(_ key: String, _ type: String, expected: String) -> String {
        #"["ok", 1, "WRONGTYPE \#(key) is a \#(type): expected a \#(expected)"]"#
    }

    static let rows: [Row] = {
        let equals = CommitWords.Check("equals", takes: "value", field: "status")
        let differs = CommitWords.Check("differs", takes: "value", field: "status")
        let absent = CommitWords.Check("absent", field: "status")
        let named = CommitWords.Check("absent", takes: "field")
        let text = CommitWords.Check("text", takes: "value")
        let score = CommitWords.Check("score", takes: "both")
        return [
            Row(check: equals, key: "hash", values: ["RUNNING"], expected: holds),
            Row(check: equals, key: "hash", values: ["DONE"], expected: moved),
            Row(check: equals, key: "other", values: ["RUNNING"], expected: moved),
            Row(check: equals, key: "nothing", values: ["RUNNING"], expected: moved),
            Row(check: equals, key: "other", values: [""], expected: moved),
            Row(check: equals, key: "text", values: ["RUNNING"], expected: wrong("text", "string", expected: "hash")),
            Row(check: differs, key: "hash", values: ["DONE"], expected: holds),
            Row(check: differs, key: "nothing", values: ["DONE"], expected: holds),
            Row(check: differs, key: "hash", values: ["RUNNING"], expected: moved),
            Row(check: differs, key: "text", values: ["DONE"], expected: wrong("text", "string", expected: "hash")),
            Row(check: absent, key: "other", expected: holds),
            Row(check: absent, key: "nothing", expected: holds),
            Row(check: absent, key: "hash", expected: moved),
            Row(check: absent, key: "zset", expected: wrong("zset", "zset", expected: "hash")),
            Row(check: named, key: "hash", values: ["a@1"], expected: holds),
            Row(check: named, key: "hash", values: ["status"], expected: moved),
            Row(check: text, key: "text", values: ["held"], expected: holds),
            Row(check: text, key: "text", values: ["hel"], expected: moved),
            Row(check: text, key: "nothing", values: ["held"], expected: moved),
            Row(check: text, key: "hash", values: ["held"], expected: wrong("hash", "hash", expected: "string")),
            Row(check: .init("exists"), key: "hash", expected: holds),
            Row(check: .init("exists"), key: "zset", expected: holds),
            Row(check: .init("exists"), key: "nothing", expected: moved),
            Row(check: .init("missing"), key: "nothing", expected: holds),
            Row(check: .init("missing"), key: "text", expected: moved),
            Row(check: score, key: "zset", values: ["a", "1.5"], expected: holds),
            Row(check: score, key: "zset", values: ["a", "1"], expected: moved),
            Row(check: score, key: "zset", values: ["b", "1.5"], expected: moved),
            Row(check: score, key: "nothing", values: ["a", "1.5"], expected: moved),
            Row(check: score, key: "hash", values: ["a", "1.5"], expected: wrong("hash", "hash", expected: "zset")),
        ]
    }()

    private func prepare(_ scene: FunctionsScene) async throws {
        try await scene.send("HSET", "hash", "status", "RUNNING")
        try await scene.send("HSET", "other", "since", "1")
        try await scene.send("SET", "text", "held")
        try await scene.send("ZADD", "zset", "1.5", "a")
    }

    @Test("a guard holds, or does not, or is of the wrong type; the write happens only where it holds", arguments: rows)
    func guards(row: Row) async throws {
        try await withFunctions { scene in
            try await prepare(scene)
            try await scene.send("ZADD", "index", "1", "a")
            var call = CommitWords()
            try call.statement(keys: 2, [row.check], [.init(1, "SET", "done")])
            call.change(keys: [row.key, "written"], "a", values: row.values)
            #expect(try await call.send(to: scene) == row.expected)
            let isWritten = row.expected == Self.holds
            #expect(try await scene.send("EXISTS", "written").integer == (isWritten ? 1 : 0))
            // The index last, and only for what was done.
            #expect(try await scene.send("ZCARD", "index").integer == (isWritten ? 0 : 1))
        }
    }

    @Test("a guard looks at a shared key as at a change's own")
    func sharedKey() async throws {
        try await withFunctions { scene in
            try await prepare(scene)
            var call = CommitWords(shared: ["text", "zset"])
            try call.statement([.init("score", -2, takes: "both")], [.init(0, "SET", "done")])
            call.change(keys: ["one"], "x", "a", "1.5")
            call.change(keys: ["two"], "x", "a", "2")
            #expect(try await call.send(to: scene) == #"["ok", 2, 1]"#)
            #expect(try await scene.send("EXISTS", "one", "two").integer == 1)
        }
    }

    @Test("the first guard that does not hold is named, and those after it are not looked at")
    func firstGuard() async throws {
        try await withFunctions { scene in
            try await prepare(scene)
            var call = CommitWords()
            try call.statement(
                keys: 2,
                [
                    .init("exists"), .init("equals", takes: "value", field: "status"),
                    .init("equals", 1, takes: "value", field: "status"), .init("absent", takes: "field"),
                ], [.init(0, "HSET", "status", nil)])
            // The third would be of the wrong type. All values are passed over, whichever guard stops.
            call.change(keys: ["hash", "text"], "a", "DONE", "x", "y", "FAILED")
            call.change(keys: ["hash", "hash"], "b", "RUNNING", "RUNNING", "free", "FAILED")
            #expect(try await call.send(to: scene) == #"["ok", 1, 2]"#)
            #expect(try await scene.hash("hash") == ["status": "FAILED"])
        }
    }

    @Test("a change under a fence that is not the current one is refused with the whole call")
    func fenced() async throws {
        try await withFunctions { scene in
            for (current, expected) in [
                ("5", #"["fenced", "5", ""]"#), ("", #"["fenced", "", ""]"#), ("4", #"["ok"]"#),
            ] {
                try await scene.send("DEL", "lease", "written")
                if !current.isEmpty { try await scene.send("HSET", "lease", "fence", current) }
                var call = CommitWords(fence: "4")
                try call.statement([], [.init(0, "SET", "done")])
                call.change(keys: ["written"], "a")
                #expect(try await call.send(to: scene) == expected)
                #expect(try await scene.send("EXISTS", "written").integer == (current == "4" ? 1 : 0))
            }
        }
    }

    @Test("a change under the fence of another holder, or of another claim, is refused too", arguments: [true, false])
    func otherHolder(isOnNode: Bool) async throws {
        try await withFunctions { scene in
            let term = try #require(try await scene.claim("jobs")["term"]?.string)
            for (field, other) in [("instance", "two"), ("acquired_ms", "1"), ("", "")] {
                let lease = scene.keys.lease("jobs")
                let before = try await scene.send("HGET", lease, field)
                if !field.isEmpty { try await scene.send("HSET", lease, field, other) }
                var call = CommitWords(fence: term)
                call.arguments.lease = LeaseTerm(key: lease, term: term)
                call.isOnNode = isOnNode
                try call.statement([], [.init(0, "SET", "done")])
                call.change(keys: ["written"], "a")
                let holder = other == "two" ? other : "one"
                let answer = try await call.send(to: scene)
                #expect(answer == (field.isEmpty ? #"["ok"]"# : #"["fenced", "1", "\#(holder)"]"#))
                #expect(try await scene.send("EXISTS", "written").integer == (field.isEmpty ? 1 : 0))
                if let text = before.string { try await scene.send("HSET", lease, field, text) }
            }
        }
    }
}
