import Policies
import TestNeeds
import TestSupport
import Testing

@Suite("Counters: recount", .tags(.pure))
struct CountersRecountTests {
    private let impossible = generation("6", ["0", "0", "9", "0"])

    private func settle(_ statuses: [String?], stalledFails: Bool = false) throws -> Verdict {
        try countersPolicy(members: true, stalledFails: stalledFails)
            .settle(impossible, in: World(members: ["generation:1:tasks": statuses]))
    }

    @Test("the members are asked for only where the counters can't be true")
    func asks() throws {
        let policy = try countersPolicy(members: true)
        let question = Question.members(
            GroupMembers(
                collection: .set, key: "generation:1:tasks", record: try KeyTemplate("task:<id>"), field: "status"))
        #expect(try policy.verdict(on: policy.record("1", impossible), at: now) == .ask([question]))
        let possible = generation("6", ["0", "0", "6", "0"])
        #expect(try policy.verdict(on: policy.record("1", possible), at: now).change != nil)
    }

    @Test("what the members say is believed, the lost ones among them counted as failed")
    func closes() throws {
        let change = try #require(
            try settle(["completed", "completed", "completed", "failed", nil, nil]).change)
        #expect(change.action == .complete)
        #expect(change.written("completed") == "3")
        #expect(change.written("failed") == "3")
        #expect(change.drift == 9)
        #expect(
            change.reason == "counters recounted from generation:1:tasks, off by 9; 3 of 6 completed, 1 failed, "
                + "2 missing, counted as failed")
    }

    @Test("none completed, and the group failed")
    func fails() throws {
        #expect(try settle([]).change?.to == "failed")
        #expect(try settle(["failed", nil]).change?.written("failed") == "6")
    }

    @Test("members still active: the counters are put right, the group goes on and counts as stalled")
    func recounts() throws {
        let change = try #require(
            try settle(["completed", "completed", "failed", "processing", "waiting", "queued"]).change)
        #expect(change.action == .recount)
        #expect(change.from == "processing")
        #expect(change.to == "processing")
        #expect(change.isStalled)
        #expect(change.next == now + .seconds(10_800))
        #expect(
            change.sets == [
                FieldWrite(field: "queued", value: "2"), FieldWrite(field: "processing", value: "1"),
                FieldWrite(field: "completed", value: "2"), FieldWrite(field: "failed", value: "1"),
            ])
        #expect(
            change.before == [
                FieldWrite(field: "status", value: "processing"), FieldWrite(field: "queued", value: "0"),
                FieldWrite(field: "processing", value: "0"), FieldWrite(field: "completed", value: "9"),
                FieldWrite(field: "failed", value: "0"),
            ])
        #expect(change.drift == 2 + 1 + 7 + 1)
    }

    @Test("members still active and configured to fail: they are counted as failed")
    func stalledFails() throws {
        let change = try #require(try settle(["completed", "processing", "queued"], stalledFails: true).change)
        #expect(change.action == .fail)
        #expect(change.written("completed") == "1")
        #expect(change.written("failed") == "5")
    }

    @Test("more members than the total: ended ones count first")
    func tooMany() throws {
        let change = try #require(try settle(Array(repeating: "completed", count: 7) + ["processing"]).change)
        #expect(change.action == .complete)
        #expect(change.written("completed") == "6")
        let active = try #require(try settle(["completed"] + Array(repeating: "processing", count: 9)).change)
        #expect(active.action == .recount)
        #expect(active.written("processing") == "5")
    }

    @Test("more members than can be read is an error")
    func overLimit() throws {
        let policy = try countersPolicy(members: true)
        let world = World(members: ["generation:1:tasks": ["a", "b"]], memberLimit: 1)
        #expect(throws: RecordError("generation:1:tasks has more than 1 members: too many to recount")) {
            try policy.settle(impossible, in: world)
        }
    }

    @Test(
        "a task that can't be understood is the group's error: its key, and what was found",
        arguments: [
            (.status("success"), "status of task:7 is “success”: in none of the lists of members"),
            (.status(nil), "task:7 has no status: expected one of the four lists of members"),
            (.status(""), "task:7 has no status: expected one of the four lists of members"),
            (.unreadable("task:7 is a plain string: expected a hash"), "task:7 is a plain string: expected a hash"),
        ] as [(GroupMember.State, String)])
    func notUnderstood(state: GroupMember.State, message: String) throws {
        let policy = try countersPolicy(members: true)
        var record = policy.record("1", impossible)
        guard case .ask(let questions) = try policy.verdict(on: record, at: now) else {
            Issue.record("expected a question")
            return
        }
        record.answers[questions[0]] = .members([
            GroupMember(key: "task:6", state: .status("completed")), GroupMember(key: "task:7", state: state),
        ])
        #expect(throws: RecordError(message)) { try policy.verdict(on: record, at: now) }
    }

    @Test("an answer of the wrong kind is an error, not a guess")
    func wrongAnswer() throws {
        let policy = try countersPolicy(members: true)
        var record = policy.record("1", impossible)
        guard case .ask(let questions) = try policy.verdict(on: record, at: now) else {
            Issue.record("expected a question")
            return
        }
        record.answers = [questions[0]: .exists(true)]
        #expect(throws: RecordError.self) { try policy.verdict(on: record, at: now) }
    }
}

/// Groups of applications that count down: what is neither pending nor failed was completed.
@Suite("Counters that count down", .tags(.pure))
struct CountersPendingTests {
    private func policy(members: Bool = false) throws -> CountersPolicy {
        CountersPolicy(
            states: ["processing"], since: ["updated_at"], timeout: .seconds(10_800), total: "total",
            counters: CountersPolicy.Counters(pending: "pending", failed: "failed"),
            members: members
                ? CountersPolicy.Members(
                    .list, try KeyTemplate("generation:<id>:tasks"), record: try KeyTemplate("task:<id>")) : nil)
    }

    private func group(_ pending: String?, _ failed: String?) -> [String: String] {
        var values = ["status": "processing", "updated_at": ago(.seconds(14_400)), "total": "10"]
        values["pending"] = pending
        values["failed"] = failed
        return values
    }

    @Test("none pending: closed, with nothing to write but the status")
    func closes() throws {
        let change = try #require(try policy().settle(group("0", "3")).change)
        #expect(change.action == .complete && change.sets == [FieldWrite(field: "status", value: "completed")])
        #expect(change.reason == "7 of 10 completed, 3 failed" && change.drift == 0)
        #expect(try policy().fields == ["status", "updated_at", "total", "pending", "failed"])
        #expect(try policy().settle(group("0", nil)).change?.action == .complete)
    }

    @Test("some pending: left, and counted as stalled")
    func stalled() throws {
        #expect(try policy().settle(group("2", "1")).leave?.isStalled == true)
    }

    @Test(
        "what can't be true is an error without members, and never taken for completed",
        arguments: [("-1", "0"), ("11", "0"), ("8", "3"), ("0", "-1"), (nil, "0"), ("", "0"), ("many", "0")])
    func impossible(pending: String?, failed: String) throws {
        #expect(throws: RecordError.self) { try policy().settle(group(pending, failed)) }
    }

    @Test("with members they are counted, and what is active is pending")
    func recounts() throws {
        let statuses = ["queued", "processing", "failed"] + Array(repeating: "completed", count: 7)
        let change = try #require(
            try policy(members: true).settle(
                group("-4", "0"), in: World(members: ["generation:1:tasks": statuses])
            ).change)
        #expect(change.action == .recount)
        #expect(
            change.sets == [FieldWrite(field: "pending", value: "2"), FieldWrite(field: "failed", value: "1")])
        #expect(change.drift == 7)
    }
}
