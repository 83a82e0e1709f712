import Policies
import TestNeeds
import TestSupport
import Testing

/// The policy of the design's example, with the parts that a test asks for.
func countersPolicy(members: Bool = false, stalledFails: Bool = false) throws -> CountersPolicy {
    CountersPolicy(
        states: ["queuing", "processing"], since: ["updated_at"], timeout: .seconds(10_800), total: "total",
        counters: CountersPolicy.Counters(),
        members: members
            ? CountersPolicy.Members(
                .set, try KeyTemplate("generation:<id>:tasks"), record: try KeyTemplate("task:<id>"),
                queued: ["queued", "waiting"]) : nil,
        stalledFails: stalledFails)
}

/// A generation that is past its time, with these counters: queued, processing, completed, failed.
func generation(_ total: String?, _ counters: [String?], age: Duration = .seconds(14_400)) -> [String: String] {
    var values = ["status": "processing", "updated_at": ago(age)]
    values["total"] = total
    for (name, counter) in zip(["queued", "processing", "completed", "failed"], counters) { values[name] = counter }
    return values
}

@Suite("Counters", .tags(.pure))
struct CountersPolicyTests {
    /// A row: total, the four counters, what is to happen, and the counters after it.
    struct Row: Sendable, CustomTestStringConvertible {
        let total: String
        let counters: [String?]
        let action: Change.Action
        let to: String
        let after: [String?]
        var drift: Int64 = 0
        var testDescription: String { "\(total): \(counters.map { $0 ?? "-" }) → \(action) \(to)" }
    }

    @Test(
        "counters that can be true are believed",
        arguments: [
            Row(
                total: "10", counters: ["0", "0", "10", "0"], action: .complete, to: "completed",
                after: ["0", "0", "10", "0"]),
            Row(
                total: "10", counters: ["0", "0", "7", "3"], action: .complete, to: "completed",
                after: ["0", "0", "7", "3"]),
            Row(
                total: "10", counters: ["0", "0", "0", "10"], action: .complete, to: "completed",
                after: ["0", "0", "0", "10"]),
            Row(
                total: "0", counters: ["0", "0", "0", "0"], action: .complete, to: "completed",
                after: ["0", "0", "0", "0"]),
            Row(
                total: "0", counters: [nil, nil, nil, nil], action: .complete, to: "completed",
                after: [nil, nil, nil, nil]),
            Row(
                total: "10", counters: ["0", "0", "7", "1"], action: .complete, to: "completed",
                after: ["0", "0", "7", "3"], drift: 2),
            Row(
                total: "10", counters: [nil, "", "1", nil], action: .complete, to: "completed",
                after: [nil, "", "1", "9"], drift: 9),
            Row(
                total: "10", counters: ["0", "0", "0", "4"], action: .fail, to: "failed", after: ["0", "0", "0", "10"],
                drift: 6),
            Row(
                total: "10", counters: [nil, nil, nil, nil], action: .fail, to: "failed", after: [nil, nil, nil, "10"],
                drift: 10),
            Row(
                total: "9223372036854775807", counters: ["0", "0", "1", "0"], action: .complete, to: "completed",
                after: ["0", "0", "1", "9223372036854775806"], drift: 9_223_372_036_854_775_806),
        ])
    func believed(row: Row) throws {
        try check(row, policy: countersPolicy())
        try check(row, policy: countersPolicy(members: true))
    }

    @Test(
        "counters that can't be true are clamped: completed first, then failed, the active ones 0",
        arguments: [
            Row(
                total: "10", counters: ["3", "1", "9", "0"], action: .complete, to: "completed",
                after: ["0", "0", "9", "1"], drift: 5),
            Row(
                total: "10", counters: ["0", "0", "12", "3"], action: .complete, to: "completed",
                after: ["0", "0", "10", "0"], drift: 5),
            Row(
                total: "10", counters: ["0", "0", "6", "6"], action: .complete, to: "completed",
                after: ["0", "0", "6", "4"], drift: 2),
            Row(
                total: "10", counters: ["-1", "0", "5", "0"], action: .complete, to: "completed",
                after: ["0", "0", "5", "5"], drift: 6),
            Row(
                total: "10", counters: ["0", "0", "-5", "2"], action: .fail, to: "failed",
                after: ["0", "0", "0", "10"], drift: 13),
            Row(
                total: "0", counters: ["1", "0", "0", "0"], action: .complete, to: "completed",
                after: ["0", "0", "0", "0"], drift: 1),
            Row(
                total: "10", counters: ["9223372036854775807", "9223372036854775807", "3", "0"], action: .complete,
                to: "completed", after: ["0", "0", "3", "7"], drift: .max),
            Row(
                total: "10", counters: ["-9223372036854775808", "0", "10", "0"], action: .complete, to: "completed",
                after: ["0", "0", "10", "0"], drift: .max),
        ])
    func clamped(row: Row) throws {
        try check(row, policy: countersPolicy())
        try check(row, policy: countersPolicy(stalledFails: true))
    }

    @Test(
        "active tasks past the time fail, where the configuration says so",
        arguments: [
            Row(
                total: "10", counters: ["3", "1", "6", "0"], action: .fail, to: "failed", after: ["0", "0", "6", "4"],
                drift: 8),
            Row(
                total: "10", counters: ["0", "1", "5", "1"], action: .fail, to: "failed", after: ["0", "0", "5", "5"],
                drift: 5),
            Row(
                total: "10", counters: [nil, "1", nil, nil], action: .fail, to: "failed", after: [nil, "0", nil, "10"],
                drift: 11),
        ])
    func stalledFails(row: Row) throws {
        try check(row, policy: countersPolicy(stalledFails: true))
    }

    private func check(_ row: Row, policy: CountersPolicy) throws {
        let values = generation(row.total, row.counters)
        let change = try #require(try policy.settle(values).change)
        #expect(change.action == row.action)
        #expect(change.from == "processing")
        #expect(change.to == row.to)
        #expect(change.drift == row.drift)
        #expect(change.next == nil)
        #expect(!change.isStalled)
        var after = values
        for write in change.sets { after[write.field] = write.value }
        #expect(["queued", "processing", "completed", "failed"].map { after[$0] } == row.after)
        #expect(after["status"] == row.to)
    }

    @Test("tasks that are still active are left, due as they are, and counted as stalled")
    func stalled() throws {
        let verdict = try countersPolicy().settle(generation("10", ["2", "1", "5", "1"]))
        let reason = "5 of 10 completed, 1 failed, 3 still active, 1 missing"
        #expect(verdict == .leave(Leave(until: nil, because: reason, isStalled: true)))
    }

    @Test("everything that decided is guarded, and only what changes is written")
    func wholeChange() throws {
        let change = try #require(try countersPolicy().settle(generation("10", ["0", nil, "7", "1"])).change)
        #expect(
            change
                == Change(
                    action: .complete, from: "processing", to: "completed",
                    reason: "7 of 10 completed, 1 failed, 2 missing, counted as failed", age: .seconds(14_400),
                    timeout: .seconds(10_800),
                    guards: [
                        .field("status", equals: "processing"), .field("updated_at", equals: "1689985600"),
                        .field("total", equals: "10"), .field("queued", equals: "0"),
                        .field("processing", equals: nil), .field("completed", equals: "7"),
                        .field("failed", equals: "1"),
                    ],
                    sets: [
                        FieldWrite(field: "status", value: "completed"), FieldWrite(field: "failed", value: "3"),
                    ],
                    before: [
                        FieldWrite(field: "status", value: "processing"), FieldWrite(field: "failed", value: "1"),
                    ], drift: 2))
    }

    @Test("a record in final state or gone is dropped, one in another state looked at again")
    func scope() throws {
        let policy = try countersPolicy()
        #expect(
            try policy.settle(Record(id: "1", key: "k", content: .missing))
                == .drop(because: "the record is gone", guards: [.recordMissing]))
        for status in ["completed", "failed", "Cancelled"] {
            let guards: [Guard] = [.field("status", equals: status)]
            let verdict = try policy.settle(["status": status])
            #expect(verdict == .drop(because: "status is \(status), which is final", guards: guards))
        }
        #expect(try policy.settle(["status": "new"]).leave?.until == now + .seconds(10_800))
        #expect(throws: RecordError.self) { try policy.settle(Record(id: "1", key: "k", content: .text("x"))) }
    }

    @Test("an age equal to the timeout is past it, a millisecond less is not")
    func boundary() throws {
        let policy = try countersPolicy()
        let values = generation("1", ["0", "0", "1", "0"], age: .seconds(10_800))
        #expect(try policy.settle(values).change?.age == .seconds(10_800))
        #expect(
            try policy.settle(values, at: now - .milliseconds(1))
                == .leave(until: now, because: "updated_at 2h59m ago, times out in 1ms"))
    }

    @Test("an override replaces the timeout")
    func override() throws {
        var policy = try countersPolicy()
        #expect(policy.longestTimeout == .seconds(10_800))
        policy.timeoutOverride = .seconds(60)
        #expect(policy.longestTimeout == .seconds(60))
        let values = generation("1", ["0", "0", "1", "0"], age: .seconds(61))
        #expect(try policy.settle(values).change?.timeout == .seconds(60))
    }

    @Test(
        "a total that is no whole number is an error",
        arguments: [nil, "", "-1", "ten", "1e3", "7.", "7.5", "9223372036854775808"])
    func badTotal(total: String?) throws {
        let policy = try countersPolicy()
        let error = try #require(throws: RecordError.self) { try policy.settle(generation(total, ["0"])) }
        #expect(error.message.hasPrefix("total is "))
        #expect(error.message.hasSuffix("expected a whole number, 0 or more"))
    }

    @Test(
        "a counter that can't be read is an error, whatever the others say",
        arguments: ["many", "1.5", "7.", "1e1", "99999999999999999999"], [false, true])
    func badCounter(text: String, hasMembers: Bool) throws {
        let policy = try countersPolicy(members: hasMembers)
        for place in 0..<4 {
            var counters = ["0", "0", "9", "0"]
            counters[place] = text
            let names = ["queued", "processing", "completed", "failed"]
            #expect(throws: RecordError("\(names[place]) is “\(text)”: expected a whole number")) {
                try policy.settle(generation("10", counters))
            }
        }
    }

    @Test("a whole number may be written with zeros, and is written back so")
    func wholeNumbers() throws {
        let values = generation("10.0", ["0.0", "0.00", "7.0", "1.0"])
        let change = try #require(try countersPolicy().settle(values).change)
        #expect(change.sets.map(\.value) == ["completed", "3.0"])
        #expect(change.drift == 2)
    }

    @Test("a time that is missing or unreadable is an error", arguments: [nil, "soon"])
    func badTime(time: String?) throws {
        let policy = try countersPolicy()
        var values = generation("1", ["1"])
        values["updated_at"] = time
        let error = try #require(throws: RecordError.self) { try policy.settle(values) }
        #expect(error.message.hasPrefix("updated_at"))
    }

    @Test("everything that is looked at or written is asked for, once each")
    func fields() throws {
        #expect(
            try countersPolicy(members: true).fields
                == ["status", "updated_at", "total", "queued", "processing", "completed", "failed"])
        #expect(CountersPolicy.kind == .counters)
    }
}
