import Policies
import Testing

@Suite("Locks")
struct LocksPolicyTests {
    private func policy(since: [String] = ["acquired_at"], alive: String? = nil) throws -> LocksPolicy {
        LocksPolicy(since: since, timeout: .seconds(600), alive: try alive.map { text in try KeyTemplate(text) })
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
                == .leave(until: now, because: "acquired_at was \(acquired), times out in 1ms"))
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
        let message = "acquired_at missing: expected Unix seconds, Unix milliseconds or ISO 8601"
        #expect(throws: RecordError(message)) { try policy.settle(["acquired_at": ""]) }
        #expect(throws: RecordError.self) { try policy.settle(["acquired_at": "long ago"]) }
        let textOnly = try self.policy(since: [])
        #expect(throws: RecordError("job:1 is a hash: expected a plain string, since no “since” says its age")) {
            try textOnly.settle([:])
        }
    }

    @Test("a plain string's age counts from when it was first seen with this value")
    func plainString() throws {
        let policy = try policy()
        #expect(try policy.verdict(on: text("w1"), at: now) == .ask([.firstSeen(value: "w1")]))
        #expect(
            try policy.settle(text("w1"))
                == .leave(
                    Leave(
                        until: now + .seconds(600), because: "seen for the first time, times out in 10m",
                        remember: "w1")))
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
        #expect(try policy.settle(text("w2"), in: world).leave?.remember == "w2")
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
        record.answers = [.firstSeen(value: "w1"): .exists(false)]
        #expect(throws: RecordError.self) { try policy.verdict(on: record, at: now) }
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
