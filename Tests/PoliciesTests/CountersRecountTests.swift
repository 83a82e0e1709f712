import Policies
import Testing

@Suite("Counters: recount")
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
            set: "generation:1:tasks", status: try KeyTemplate("task:<id>"), field: "status")
        #expect(try policy.verdict(on: policy.record("1", impossible), at: now) == .ask([question]))
        let possible = generation("6", ["0", "0", "6", "0"])
        #expect(try policy.verdict(on: policy.record("1", possible), at: now).change != nil)
    }

    @Test("what the members say is believed, the lost ones among them counted as failed")
    func closes() throws {
        let change = try #require(
            try settle(["completed", "completed", "completed", "failed", nil, "dreaming"]).change)
        #expect(change.action == .complete)
        #expect(change.written("completed") == "3")
        #expect(change.written("failed") == "3")
        #expect(change.drift == 7)
        #expect(
            change.reason == "counters recounted from generation:1:tasks, off by 7; 3 of 6 completed, 1 failed, "
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
