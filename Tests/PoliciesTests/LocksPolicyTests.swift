import TestNeeds
import TestSupport
import Testing

@testable import Policies

@Suite("Locks", .tags(.pure))
struct LocksPolicyTests {
    private func policy(since: Start = ["acquired_at"], alive: String? = nil) throws -> LocksPolicy {
        LocksPolicy(
            since: since, timeout: .seconds(600), alive: try alive.map { text in Liveness(try KeyTemplate(text)) })
    }

    private func text(_ value: String) -> Record {
        Record(id: "1", key: "lock:1", content: .text(value))
    }

    @Test("a lock that is gone is dropped, if it is still gone")
    func missing() throws {
        let verdict = try policy().settle(Record(id: "1", key: "lock:1", content: .missing))
        #expect(verdict == .drop(because: "the lock is gone", guards: [.recordMissing]))
    }

    @Test(
        "a hash is released by its time, in all three forms",
        arguments: ["1689999400", "1689999400000", "2023-07-22T04:16:40Z"])
    func hash(acquired: String) throws {
        let policy = try policy()
        #expect(
            try policy.settle(["acquired_at": acquired])
                == .change(
                    Change(
                        action: .release, from: "", to: "", reason: "held for 10m, timeout 10m", age: .seconds(600),
                        timeout: .seconds(600), guards: [.field("acquired_at", equals: acquired)], removesRecord: true,
                        before: [FieldWrite(field: "acquired_at", value: acquired)])))
        #expect(
            try policy.settle(["acquired_at": acquired], at: now - .milliseconds(1))
                == .leave(until: now, because: "acquired_at was 2023-07-22T04:16:40Z, times out in 1ms"))
    }

    @Test("while its holder lives a lock is left; once gone, the holder is guarded too")
    func holder() throws {
        let policy = try policy(alive: "worker:<owner>:alive")
        let values = ["acquired_at": ago(.seconds(700)), "owner": "w1"]
        #expect(
            try policy.settle(values, in: World(keys: ["worker:w1:alive"]))
                == .leave(until: nil, because: "worker:w1:alive exists: its holder is alive"))
        let change = try #require(try policy.settle(values).change)
        #expect(
            change.guards == [
                .field("acquired_at", equals: "1689999300"), .field("owner", equals: "w1"),
                .keyAbsent("worker:w1:alive"),
            ])
        #expect(
            change.before == [
                FieldWrite(field: "acquired_at", value: "1689999300"), FieldWrite(field: "owner", value: "w1"),
            ])
        #expect(change.reason == "held for 11m40s, timeout 10m; worker:w1:alive is gone")
    }

    @Test("a hash that names no holder has none, and that must stay so", arguments: [nil, ""])
    func noHolder(owner: String?) throws {
        var values = ["acquired_at": "1689999300"]
        values["owner"] = owner
        let change = try #require(try policy(alive: "worker:<owner>:alive").settle(values).change)
        #expect(change.guards == [.field("acquired_at", equals: "1689999300"), .field("owner", equals: owner)])
    }

    @Test("a hash whose age can't be told is an error")
    func hashWithoutTime() throws {
        let policy = try policy()
        let message = "acquired_at missing: \(RecordTime.expectation)"
        #expect(throws: RecordError(message)) { try policy.settle(["acquired_at": ""]) }
        #expect(throws: RecordError.self) { try policy.settle(["acquired_at": "long ago"]) }
    }

    @Test("a plain string's age counts from when it was first seen with this value")
    func plainString() throws {
        let policy = try policy()
        #expect(try policy.verdict(on: text("w1"), at: now) == .ask([.expiry, .idle, .firstSeen(value: "w1")]))
        #expect(
            try policy.settle(text("w1"))
                == .leave(
                    Leave(
                        until: now + .seconds(600), because: "seen for the first time, times out in 10m",
                        remember: "1690000000000:w1")))
        let world = World(firstSeen: ["w1": now - .seconds(600)])
        #expect(
            try policy.settle(text("w1"), at: now - .milliseconds(1), in: world)
                == .leave(until: now, because: "first seen 2023-07-22T04:16:40Z, times out in 1ms"))
        #expect(
            try policy.settle(text("w1"), in: world)
                == .change(
                    Change(
                        action: .release, from: "", to: "", reason: "held for 10m, timeout 10m", age: .seconds(600),
                        timeout: .seconds(600), guards: [.text(equals: "w1")], removesRecord: true,
                        before: [FieldWrite(field: "value", value: "w1")])))
        #expect(try policy.settle(text("w2"), in: world).leave?.remember == "1690000000000:w2")
    }

    @Test("a plain string can be its holder's name")
    func valueAsHolder() throws {
        let policy = try policy(alive: "worker:<value>:alive")
        var world = World(firstSeen: ["w1": now - .seconds(601)])
        let change = try #require(try policy.settle(text("w1"), in: world).change)
        #expect(change.guards == [.text(equals: "w1"), .keyAbsent("worker:w1:alive")])
        world.keys = ["worker:w1:alive"]
        #expect(try policy.settle(text("w1"), in: world).leave?.until == nil)
    }

    @Test("an empty string names no holder, and is guarded as a text only")
    func emptyString() throws {
        let world = World(firstSeen: ["": now - .seconds(601)])
        let change = try #require(try policy(alive: "worker:<value>:alive").settle(text(""), in: world).change)
        #expect(change.guards == [.text(equals: "")])
    }

    @Test("a plain string that can't tell its holder is never released")
    func unknownHolder() throws {
        let policy = try policy(alive: "worker:<owner>:alive")
        let world = World(firstSeen: ["w1": now - .seconds(601)])
        #expect(throws: RecordError("lock:1 is a plain string: “worker:<owner>:alive” needs its field owner")) {
            try policy.settle(text("w1"), in: world)
        }
    }

    @Test("a holder can be told by the lock's id alone, for hashes and plain strings")
    func holderByID() throws {
        let policy = try policy(alive: "worker:<id>:alive")
        let world = World(firstSeen: ["w1": now - .seconds(601)])
        #expect(
            try policy.settle(text("w1"), in: world).change?.guards
                == [.text(equals: "w1"), .keyAbsent("worker:1:alive")])
    }

    @Test("an answer of the wrong kind is an error, not a guess")
    func wrongAnswer() throws {
        let policy = try policy()
        var record = text("w1")
        let right: [Question: Answer] = [
            .firstSeen(value: "w1"): .firstSeen(nil), .idle: .idle(seconds: 1), .expiry: .expiry(nil),
        ]
        for question in right.keys {
            record.answers = right
            record.answers[question] = .exists(false)
            #expect(throws: RecordError.self) { try policy.verdict(on: record, at: now) }
            record.answers[question] = .unreadable("NOPERM")
            #expect(throws: RecordError("NOPERM")) { try policy.verdict(on: record, at: now) }
        }
    }

    @Test("a lock that expires by itself is left, as text and as hash, unless it is to be judged or says its age")
    func expiring() throws {
        let world = World(
            firstSeen: ["w1": now - .seconds(900), "6 holder=1 1": now - .seconds(900)], expiry: .seconds(30))
        let records = [text("w1"), Record(id: "1", key: "lock:1", content: .hash(Self.redisson))]
        let judging = LocksPolicy(timeout: .seconds(600), leavesExpiring: false)
        for record in records {
            #expect(
                try policy(since: []).settle(record, in: world)
                    == .leave(until: now + .seconds(30), because: "it expires by itself in 30s"))
            #expect(try judging.settle(record, in: world).change?.action == .release)
        }
        #expect(try policy().settle(["acquired_at": ago(.seconds(700))], in: world).change?.action == .release)
    }

    private static let redisson = Fields(names: ["holder"], values: ["1"])

    @Test("a hash without a time is aged by when its content was first seen, and guarded field by field")
    func hashBySight() throws {
        let policy = try policy(since: [])
        let record = Record(id: "1", key: "lock:1", content: .hash(Self.redisson))
        #expect(try policy.settle(record).leave?.remember == "1690000000000:6 holder=1 1")
        let change = try #require(
            try policy.settle(record, in: World(firstSeen: ["6 holder=1 1": now - .seconds(600)])).change)
        #expect(change.guards == [.field("holder", equals: "1")])
        #expect(change.before == [FieldWrite(field: "holder", value: "1")])
        #expect(change.removesRecord)
    }

    @Test("the content of a hash is the same in any order, and another with any other field or value")
    func signature() {
        func signature(_ pairs: KeyValuePairs<String, String>) -> String {
            Fields(names: pairs.map(\.key), values: pairs.map(\.value)).signature
        }
        #expect(signature(["a": "1", "b": "2"]) == signature(["b": "2", "a": "1"]))
        let long = String(repeating: "x", count: 500)
        let all = [
            signature([:]), signature(["a": "1"]), signature(["a": "2"]), signature(["a": "1", "b": "2"]),
            signature(["a": "1;1 b=1 2"]), signature(["a": long]), signature(["b": long]), signature(["a": long + "x"]),
        ]
        #expect(Set(all).count == all.count)
        #expect(all.allSatisfy { $0.utf8.count < 200 })
    }

    @Test("a value that was seen before counts anew where somebody else touched its key since the latest look")
    func touched() throws {
        let policy = try policy(since: [])
        var world = World(firstSeen: ["w1": now - .seconds(900)], idle: 900)
        #expect(try policy.settle(text("w1"), in: world).change != nil)
        // Looked at by Curfew alone, 10 s ago.
        world.lastSeen = now - .seconds(10)
        world.idle = 10
        #expect(try policy.settle(text("w1"), in: world).change != nil)
        // Touched by somebody after that look.
        world.idle = 9
        #expect(
            try policy.settle(text("w1"), in: world)
                == .leave(
                    Leave(
                        until: now + .seconds(592),
                        because: "its key was touched 8s ago, maybe taken anew, times out in 9m52s",
                        remember: "1689999992000:w1")))
        // Touched after an early look, and long enough ago.
        world.lastSeen = now - .seconds(900)
        world.idle = 650
        #expect(try policy.settle(text("w1"), in: world).change?.age == .seconds(649))
        world.idle = nil
        #expect(try policy.settle(text("w1"), in: world).change?.age == .seconds(900))
    }

    @Test("what is remembered of a value is read back for this value alone, whatever it holds")
    func sightings() {
        for value in ["w1", "", "a b:c", "1690000000000:w1", "é"] {
            let text = "1690000005000 " + Sighting.text(first: now, value: value)
            #expect(Sighting(remembered: text, value: value) == Sighting(first: now, latest: now + .seconds(5)))
            #expect(Sighting(remembered: text, value: value + "x") == nil)
        }
        #expect(Sighting(remembered: "1690000005000 w1", value: "w1") == nil)
        #expect(Sighting(remembered: "1690000005000 1690000000000:e\u{301}", value: "\u{e9}") == nil)
    }

    @Test("an override replaces the timeout")
    func override() throws {
        var policy = try policy()
        policy.timeoutOverride = .seconds(5)
        #expect(policy.longestTimeout == .seconds(5))
        #expect(try policy.settle(["acquired_at": ago(.seconds(6))]).change?.timeout == .seconds(5))
    }

    @Test("times and the holder's fields are asked for, once each")
    func fields() throws {
        #expect(try policy(alive: "w:<owner>:<acquired_at>:<id>").fields == ["acquired_at", "owner"])
        #expect(try policy(since: []).fields.isEmpty)
        #expect(LocksPolicy.kind == .locks)
    }
}
