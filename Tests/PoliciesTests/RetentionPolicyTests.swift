import Policies
import TestNeeds
import TestSupport
import Testing

@Suite("Retention", .tags(.pure))
struct RetentionPolicyTests {
    private static let day = Duration.seconds(86_400)
    private static let states = ["COMPLETED", "FAILED", "CANCELLED"]

    private func policy(
        states: [String]? = states, keeps: [String: Duration]? = nil, also: [String] = []
    ) throws -> RetentionPolicy {
        RetentionPolicy(
            states: states, since: ["completedAt", "updatedAt"], keep: Self.day * 30,
            keeps: keeps.map { TimesByType(by: "tier", byType: $0) },
            also: try also.map { text in try KeyTemplate(text) })
    }

    @Test("a record that is old enough goes, final state or not, if it is as it was read", arguments: states)
    func removed(status: String) throws {
        let completed = ago(Self.day * 30)
        let values = ["status": status, "completedAt": completed]
        let verdict = try policy(also: ["job:<id>:log", "job:<id>:parts"]).settle(values)
        #expect(
            verdict
                == .change(
                    Change(
                        action: .remove, from: status, to: "",
                        reason: "\(status), kept for 30d: completedAt was 2023-06-22T04:26:40Z, keep 30d",
                        age: Self.day * 30, timeout: Self.day * 30,
                        guards: [.field("status", equals: status), .field("completedAt", equals: completed)],
                        removesRecord: true, also: ["job:1:log", "job:1:parts"],
                        before: [
                            FieldWrite(field: "status", value: status),
                            FieldWrite(field: "completedAt", value: completed),
                            FieldWrite(field: "updatedAt", value: nil),
                        ])))
        #expect(
            try policy().settle(values, at: now - .seconds(60))
                == .leave(until: now, because: "completedAt 29d23h ago, kept for another 1m"))
    }

    @Test("without states any record goes, whatever its status, or without one", arguments: [nil, "", "RUNNING"])
    func anyState(status: String?) throws {
        var values = ["updatedAt": ago(Self.day * 40)]
        values["status"] = status
        let policy = try policy(states: nil)
        let change = try #require(try policy.settle(values).change)
        #expect(change.from.isEmpty && change.to.isEmpty && change.removesRecord)
        #expect(change.reason == "kept for 40d: updatedAt was 2023-06-12T04:26:40Z, keep 30d")
        #expect(
            change.guards == [
                .field("updatedAt", equals: values["updatedAt"]), .field("completedAt", equals: nil),
            ])
        #expect(policy.fields == ["completedAt", "updatedAt"])
        #expect(policy.activeStates == nil)
    }

    @Test(
        "types may be kept for a time of their own", arguments: [("FREE", 7.0), ("PRO", 365), ("other", 30), ("", 30)])
    func byType(type: String, days: Double) throws {
        let policy = try policy(keeps: ["FREE": Self.day * 7, "PRO": Self.day * 365])
        var values = ["status": "FAILED", "tier": type, "updatedAt": ago(.seconds(days * 86_400))]
        let change = try #require(try policy.settle(values).change)
        #expect(change.type == type && change.timeout == .seconds(days * 86_400))
        #expect(change.reason.hasSuffix(days == 30 ? "keep 30d" : "keep \(Int(days))d for \(type)"))
        #expect(change.guards.last == .field("tier", equals: type))
        values["updatedAt"] = ago(.seconds(days * 86_400 - 1))
        #expect(try policy.settle(values).leave?.until == now + .seconds(1))
        #expect(policy.longestTimeout == Self.day * 365)
    }

    @Test("a record in another state is looked at when it could be old enough, then once a day")
    func elsewhere() throws {
        let policy = try policy()
        #expect(
            try policy.settle(["status": "RUNNING", "updatedAt": ago(Self.day)])
                == .leave(
                    until: now + Self.day * 29, because: "status is RUNNING, not COMPLETED or FAILED or CANCELLED"))
        for updated in [ago(Self.day * 400), ago(Self.day * 30), "nonsense", nil] {
            var values = ["status": "completed"]
            values["updatedAt"] = updated
            #expect(try policy.settle(values).leave?.until == now + Self.day)
        }
        #expect(
            try policy.settle([:])
                == .leave(until: now + Self.day, because: "it has no status, not COMPLETED or FAILED or CANCELLED"))
        let short = RetentionPolicy(states: ["done"], since: ["at"], keep: .seconds(600))
        #expect(try short.settle(["status": "open"]).leave?.until == now + .seconds(600))
    }

    @Test("a record that is gone is dropped; what is no hash is an error")
    func noHash() throws {
        let policy = try policy()
        let missing = try policy.settle(Record(id: "1", key: "job:1", content: .missing))
        #expect(missing == .drop(because: "the record is gone", guards: [.recordMissing]))
        #expect(throws: RecordError("job:1 is a plain string: expected a hash")) {
            try policy.settle(Record(id: "1", key: "job:1", content: .text("x")))
        }
    }

    @Test("nothing goes whose age, or whose keys, can't be told")
    func errors() throws {
        #expect(throws: RecordError.self) { try policy().settle(["status": "FAILED", "completedAt": "2023-06-01"]) }
        let values = ["status": "FAILED", "updatedAt": ago(Self.day * 40)]
        #expect(throws: RecordError("userId is missing: “user:<userId>:job:<id>” needs it")) {
            try policy(also: ["job:<id>:log", "user:<userId>:job:<id>"]).settle(values)
        }
    }

    @Test(
        "a record without an end time hasn't ended: it is left, and looked at again", arguments: [nil, "", "0", "null"])
    func unended(time: String?) throws {
        var values = ["status": "FAILED"]
        values["completedAt"] = time
        let found = time.flatMap { $0.isEmpty ? nil : $0 }.map { "completedAt is “\($0)”, updatedAt missing" }
        #expect(
            try policy().settle(values)
                == .leave(
                    until: now + Self.day,
                    because: "\(found ?? "completedAt and updatedAt missing"): it has not ended yet"))
        let short = RetentionPolicy(since: ["completedAt"], keep: .seconds(600))
        #expect(try short.settle(values).leave?.until == now + .seconds(600))
    }

    @Test("records without a status can be named among the states", arguments: [nil, ""])
    func noStatus(status: String?) throws {
        var values = ["updatedAt": ago(Self.day * 40)]
        values["status"] = status
        let change = try #require(try policy(states: ["FAILED", ""]).settle(values).change)
        #expect(change.guards.first == .field("status", equals: status))
        values["status"] = "RUNNING"
        #expect(
            try policy(states: ["FAILED", ""]).settle(values).leave?.because
                == "status is RUNNING, not FAILED or without one")
    }

    @Test("an override replaces the time, types and all")
    func override() throws {
        var policy = try policy(keeps: ["PRO": Self.day * 365])
        policy.timeoutOverride = Self.day
        #expect(policy.longestTimeout == Self.day)
        let change = try policy.settle(["status": "FAILED", "tier": "PRO", "updatedAt": ago(Self.day)]).change
        #expect(change?.reason == "FAILED, kept for 1d: updatedAt was 2023-07-21T04:26:40Z, keep 1d")
        #expect(policy.fields == ["status", "completedAt", "updatedAt", "tier"])
        #expect(RetentionPolicy.kind == .retention)
    }
}
