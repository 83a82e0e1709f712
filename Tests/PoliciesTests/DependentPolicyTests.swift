import Policies
import TestNeeds
import TestSupport
import Testing

@Suite("Dependent", .tags(.pure))
struct DependentPolicyTests {
    private func policy(to: String = "DRAFT", parentStatus: String? = nil) throws -> DependentPolicy {
        DependentPolicy(
            states: ["PENDING"], since: ["updatedAt"], parent: try KeyTemplate("job:<jobId>"),
            parentStates: ["QUEUED", "RUNNING"], parentStatus: parentStatus, to: to)
    }

    private let plan = ["status": "PENDING", "updatedAt": "1689999400", "jobId": "7"]

    /// A row: the parent's fields, or nil where it is gone; the guard that says so, and the reason.
    struct Row: Sendable, CustomTestStringConvertible {
        let parent: [String: String]?
        let condition: Guard
        let because: String
        var testDescription: String { because }
    }

    @Test(
        "a plan whose parent is gone or ended is sent back, if all of that is still so",
        arguments: [
            Row(parent: nil, condition: .keyAbsent("job:7"), because: "job:7 is gone"),
            Row(
                parent: ["status": "FAILED"], condition: .otherField(key: "job:7", field: "status", equals: "FAILED"),
                because: "job:7 is FAILED, not QUEUED or RUNNING"),
            Row(
                parent: ["status": "running"], condition: .otherField(key: "job:7", field: "status", equals: "running"),
                because: "job:7 is running, not QUEUED or RUNNING"),
            Row(
                parent: ["status": ""], condition: .otherField(key: "job:7", field: "status", equals: ""),
                because: "job:7 has no status, not QUEUED or RUNNING"),
            Row(
                parent: ["other": "1"], condition: .otherField(key: "job:7", field: "status", equals: nil),
                because: "job:7 has no status, not QUEUED or RUNNING"),
        ])
    func reset(row: Row) throws {
        var world = World()
        world.hashes["job:7"] = row.parent
        let expected = Change(
            action: .reset, from: "PENDING", to: "DRAFT",
            reason: "PENDING for 10m: updatedAt was 2023-07-22T04:16:40Z, grace 5m; \(row.because)", age: .seconds(600),
            timeout: .seconds(300),
            guards: [
                .field("status", equals: "PENDING"), .field("updatedAt", equals: "1689999400"),
                .field("jobId", equals: "7"), row.condition,
            ], sets: [FieldWrite(field: "status", value: "DRAFT")],
            before: [FieldWrite(field: "status", value: "PENDING")], next: now + .seconds(300))
        #expect(try policy().settle(plan, in: world) == .change(expected))
    }

    @Test("a plan whose parent is alive is looked at again a grace later", arguments: ["QUEUED", "RUNNING"])
    func alive(status: String) throws {
        let world = World(hashes: ["job:7": ["status": status]])
        let verdict = try policy().settle(plan, in: world)
        #expect(verdict == .leave(until: now + .seconds(300), because: "job:7 is \(status)"))
    }

    @Test("within the grace period nobody looks at the parent")
    func grace() throws {
        var plan = plan
        plan["updatedAt"] = ago(.seconds(299))
        let verdict = try policy().verdict(on: policy().record("1", plan), at: now)
        #expect(
            verdict
                == .leave(until: now + .seconds(1), because: "updatedAt 4m59s ago, its parent is looked at in 1s"))
        plan["updatedAt"] = ago(.seconds(300))
        let asked = try policy().verdict(on: policy().record("1", plan), at: now)
        #expect(asked == .ask([.field(key: "job:7", field: "status")]))
    }

    @Test("the parent's status may have a name of its own; else it is called as the record's")
    func parentStatus() throws {
        let world = World(hashes: ["job:7": ["state": "RUNNING"]])
        #expect(try policy(parentStatus: "state").settle(plan, in: world).change == nil)
        let own = DependentPolicy(
            status: "state", states: ["PENDING"], since: ["updatedAt"], parent: try KeyTemplate("job:<jobId>"),
            parentStates: ["RUNNING"], to: "DRAFT")
        let values = ["state": "PENDING", "updatedAt": "1689999400", "jobId": "7"]
        #expect(try own.settle(values, in: world).leave != nil)
    }

    @Test("a plan that names no parent is an error, and so is a parent that can't be read")
    func errors() throws {
        var orphan = plan
        orphan["jobId"] = ""
        #expect(throws: RecordError("jobId is missing: “job:<jobId>” needs it")) { try policy().settle(orphan) }
        var record = try policy().record("1", plan)
        let question = Question.field(key: "job:7", field: "status")
        record.answers[question] = .unreadable("job:7 is a list: expected a hash")
        #expect(throws: RecordError("job:7 is a list: expected a hash")) {
            try policy().verdict(on: record, at: now)
        }
        record.answers[question] = .exists(true)
        #expect(throws: RecordError("the status of job:7 was answered with something else")) {
            try policy().verdict(on: record, at: now)
        }
    }

    @Test("what is sent back may come again and stays watched, unless that state is a final one")
    func watched() throws {
        var sent = plan
        sent["status"] = "DRAFT"
        #expect(try policy().settle(sent).leave?.until == now + .seconds(300))
        #expect(try policy(to: "Cancelled").settle(plan).change?.next == nil)
        sent["status"] = "Cancelled"
        guard case .drop = try policy(to: "Cancelled").settle(sent) else {
            Issue.record("it should be dropped")
            return
        }
    }

    @Test("an override replaces the grace period")
    func override() throws {
        var policy = try policy()
        policy.timeoutOverride = .seconds(3_600)
        #expect(policy.longestTimeout == .seconds(3_600))
        #expect(try policy.settle(plan).leave?.until == now + .seconds(3_000))
        #expect(policy.fields == ["status", "updatedAt", "jobId"])
        #expect(DependentPolicy.kind == .dependent && policy.activeStates == ["PENDING"])
    }
}
