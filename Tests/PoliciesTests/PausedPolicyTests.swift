import Policies
import TestNeeds
import TestSupport
import Testing

@Suite("Paused", .tags(.pure))
struct PausedPolicyTests {
    private static let day = Duration.seconds(86_400)
    private let policy = PausedPolicy(states: ["paused"], since: ["updatedAt"])
    private let nowText = TimeForm.seconds.text(for: now)

    /// A batch that was paused so many days ago, with marks of so many days ago.
    private func batch(_ age: Double, stale: Double? = nil, warned: Double? = nil) -> [String: String] {
        var values = ["status": "paused", "updatedAt": ago(.seconds(age * 86_400))]
        values["staleSince"] = stale.map { ago(.seconds($0 * 86_400)) }
        values["warnedAt"] = warned.map { ago(.seconds($0 * 86_400)) }
        return values
    }

    /// A row: days since the pause and since each mark, what is done, what is written, and when it is looked at again.
    struct Row: Sendable, CustomTestStringConvertible {
        let age: Double
        var stale: Double?
        var warned: Double?
        let action: Change.Action?
        var sets: [String] = []
        /// Days after the pause; nil: never again.
        let next: Double?
        var testDescription: String { "\(age) days, marked \(stale ?? -1), warned \(warned ?? -1)" }
    }

    @Test(
        "stale, warned about, ended: each once a pause",
        arguments: [
            Row(age: 6.5, action: nil, next: 7),
            Row(age: 7, action: .mark, sets: ["staleSince"], next: 23),
            Row(age: 22, action: .mark, sets: ["staleSince"], next: 23),
            Row(age: 22, stale: 15, action: nil, next: 23),
            Row(age: 22, stale: 22, action: nil, next: 23),
            Row(age: 23, stale: 16, action: .warn, sets: ["warnedAt"], next: 30),
            Row(age: 23, action: .warn, sets: ["staleSince", "warnedAt"], next: 30),
            Row(age: 29, stale: 22, warned: 6, action: nil, next: 30),
            Row(age: 29, warned: 6, action: nil, next: 30),
            Row(age: 30, stale: 23, warned: 7, action: .cancel, sets: ["status"], next: nil),
            Row(age: 40, action: .cancel, sets: ["status"], next: nil),
            // The marks of an earlier pause count for nothing.
            Row(age: 8, stale: 9, warned: 9, action: .mark, sets: ["staleSince"], next: 23),
            Row(age: 24, stale: 17, warned: 25, action: .warn, sets: ["warnedAt"], next: 30),
            Row(age: 24, stale: 40, warned: 25, action: .warn, sets: ["staleSince", "warnedAt"], next: 30),
        ])
    func thresholds(row: Row) throws {
        let values = batch(row.age, stale: row.stale, warned: row.warned)
        let verdict = try policy.settle(values)
        let next = row.next.map { now + .seconds(($0 - row.age) * 86_400) }
        guard let action = row.action else {
            #expect(verdict.leave?.until == next && verdict.change == nil)
            return
        }
        let change = try #require(verdict.change)
        #expect(change.action == action)
        #expect(change.sets.map(\.field) == row.sets)
        #expect(change.next == next)
        let marks = row.sets.filter { $0 != "status" }
        #expect(marks.allSatisfy { change.written($0) == nowText })
        #expect(
            change.guards == [.field("status", equals: "paused"), .field("updatedAt", equals: values["updatedAt"])]
                + marks.map { .field($0, equals: values[$0]) })
        #expect(change.before == (["status"] + marks).map { FieldWrite(field: $0, value: values[$0]) })
    }

    @Test("the reasons say how old it is, what is done and what will follow")
    func reasons() throws {
        let since = "2023-07-14T04:26:40Z"
        #expect(
            try policy.settle(batch(8)).change?.reason == "paused for 8d: updatedAt was \(since), stale after 7d")
        #expect(
            try policy.settle(batch(24)).change?.reason
                == "paused for 24d: updatedAt was 2023-06-28T04:26:40Z, warned about after 23d, will be cancelled in 6d"
        )
        #expect(
            try policy.settle(batch(31)).change?.reason
                == "paused for 31d: updatedAt was 2023-06-21T04:26:40Z, timeout 30d")
        #expect(try policy.settle(batch(1)).leave?.because == "updatedAt 1d ago, stale in 6d")
        #expect(try policy.settle(batch(8, stale: 1)).leave?.because == "updatedAt 8d ago, warned about in 15d")
        #expect(try policy.settle(batch(29, warned: 2)).leave?.because == "updatedAt 29d ago, ended in 1d")
    }

    @Test("a mark is written as the record writes its times, and never into one of since")
    func form() throws {
        let policy = PausedPolicy(states: ["paused"], since: ["pausedAt", "updatedAt"])
        let change = try #require(
            try policy.settle(["status": "paused", "pausedAt": "", "updatedAt": "2023-07-10T06:26:40.000+02:00"]).change
        )
        #expect(change.sets == [FieldWrite(field: "staleSince", value: "2023-07-22T06:26:40.000+02:00")])
    }

    @Test("a batch that was resumed is left, and marked and warned about anew when it is paused again")
    func secondPause() throws {
        var values = batch(23)
        for write in try #require(try policy.settle(values).change).sets { values[write.field] = write.value }
        values["status"] = "running"
        #expect(try policy.settle(values).leave?.until == now + Self.day * 7)
        let later = now + Self.day
        values["status"] = "paused"
        values["updatedAt"] = TimeForm.seconds.text(for: later)
        #expect(try policy.settle(values, at: later).leave?.until == later + Self.day * 7)
        #expect(try policy.settle(values, at: later + Self.day * 7).change?.action == .mark)
        #expect(try policy.settle(values, at: later + Self.day * 23).change?.action == .warn)
    }

    @Test("ended, a record is in a final state and isn't looked at again")
    func final() throws {
        let policy = PausedPolicy(states: ["paused"], since: ["updatedAt"], to: "archived")
        #expect(try policy.settle(batch(31)).change?.written("status") == "archived")
        var ended = batch(31)
        ended["status"] = "archived"
        guard case .drop = try policy.settle(ended) else {
            Issue.record("it should be dropped")
            return
        }
    }

    @Test("a mark that can't be read is the record's error, where it decides")
    func unreadableMark() throws {
        var values = batch(8)
        values["staleSince"] = "true"
        #expect(
            throws: RecordError("staleSince is “true”: expected Unix seconds, Unix milliseconds, ISO 8601 or RFC 2822")
        ) { try policy.settle(values) }
        values["updatedAt"] = ago(Self.day * 31)
        #expect(try policy.settle(values).change?.action == .cancel)
        values["updatedAt"] = "yesterday"
        #expect(throws: RecordError.self) { try policy.settle(values) }
    }

    @Test("an override ends a pause sooner and leaves the marks where they are")
    func override() throws {
        var policy = policy
        policy.timeoutOverride = Self.day * 10
        #expect(policy.longestTimeout == Self.day * 10)
        #expect(try policy.settle(batch(10)).change?.action == .cancel)
        #expect(try policy.settle(batch(8)).change?.next == now + Self.day * 2)
        #expect(try policy.settle(batch(8, stale: 1)).leave?.because == "updatedAt 8d ago, ended in 2d")
        policy.timeoutOverride = .seconds(60)
        #expect(try policy.settle(batch(0)).leave?.until == now + .seconds(60))
    }

    @Test("the status, the times and the marks are asked for, once each")
    func fields() {
        #expect(policy.fields == ["status", "updatedAt", "staleSince", "warnedAt"])
        #expect(PausedPolicy.kind == .paused && policy.activeStates == ["paused"])
    }
}

extension PausedPolicyTests {
    @Test(
        "a record that its owner has exempted is neither marked, warned about nor ended, whatever its age",
        arguments: [
            ("1", true), ("true", true), ("yes", true), ("2024-01-01", true), ("0", false), ("false", false),
            ("No", false), ("", false), (nil, false),
        ] as [(String?, Bool)])
    func veto(value: String?, isExempt: Bool) throws {
        let policy = PausedPolicy(states: ["paused"], since: ["updatedAt"], unless: "neverCancel")
        for age in [8.0, 24, 40] {
            var values = batch(age)
            values["neverCancel"] = value
            let verdict = try policy.settle(values)
            #expect((verdict.change == nil) == isExempt)
            if let change = verdict.change {
                #expect(change.guards.contains(.field("neverCancel", equals: value)))
            }
        }
    }

    @Test("the marks are called as the file calls them")
    func names() throws {
        let marks = PausedPolicy.Marks(stale: "reminder.stale", warned: "reminder.sent")
        let policy = PausedPolicy(states: ["paused"], since: ["updatedAt"], marks: marks)
        let change = try #require(try policy.settle(batch(24)).change)
        #expect(change.write?.sets.map(\.field) == ["reminder.stale", "reminder.sent"])
        #expect(policy.writtenFields == ["status", "reminder.stale", "reminder.sent"])
    }
}
