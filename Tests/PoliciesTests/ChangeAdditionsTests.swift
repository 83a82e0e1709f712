import TestNeeds
import TestSupport
import Testing

@testable import Policies

@Suite("What a file adds to changes", .tags(.pure))
struct ChangeAdditionsTests {
    /// Actions that take a record to another state, and can have effects.
    static let moving: [Change.Action] = [.fail, .retry, .complete, .cancel, .reset]

    private func added(_ additions: ChangeAdditions, to action: Change.Action) throws -> Change {
        let policy = PausedPolicy(states: ["paused"], since: ["at"])
        let fields = ["status", "at", "updatedAt", "owner"]
        let values: [String?] = ["paused", "1680000000", "1680000000", "o-1"]
        let record = Record(id: "1", key: "job:1", content: .hash(Fields(names: fields, values: values)))
        let write = RecordWrite([FieldWrite(field: "status", value: "over")], before: record.image(["status"]))
        let change = Change(
            action: action, from: "paused", to: "over", reason: "so", age: .seconds(60), timeout: .seconds(30),
            guards: [.field("status", equals: "paused")], effects: [.write(write)])
        let verdict = try additions.added(to: .change(change), on: record, by: policy, at: now)
        guard case .change(let changed) = verdict else { throw RecordError("no change: \(verdict)") }
        return changed
    }

    @Test("an action has its effects, the time of its change and what is carried, all at once", arguments: moving)
    func together(action: Change.Action) throws {
        let effects = ActionEffects(
            set: [.init(field: "why", value: try KeyTemplate("<reason>"))],
            put: [PutRule(to: try KeyTemplate("over"), kind: .set)], delete: [try KeyTemplate("log:<id>")])
        let changed = try added(
            ChangeAdditions(touch: ["updatedAt"], carry: ["owner"], actions: [action: effects]), to: action)
        let write = try #require(changed.write)
        #expect(write.sets.map(\.field) == ["status", "why", "updatedAt"])
        #expect(Set(write.before.map(\.field)) == ["status", "why", "updatedAt"])
        #expect(changed.effects.contains(.discard("log:1")))
        #expect(changed.effects.contains(.carry([FieldWrite(field: "owner", value: "o-1")])))
        let puts = changed.effects.filter { if case .put = $0 { true } else { false } }
        #expect(puts.count == 1)
    }

    @Test("what is touched only where it is present leaves the effects as they are", arguments: moving)
    func absent(action: Change.Action) throws {
        let effects = ActionEffects(unset: ["owner"])
        let additions = ChangeAdditions(touch: ["changed"], touchesOnlyPresent: true, actions: [action: effects])
        let changed = try added(additions, to: action)
        #expect(try #require(changed.write).sets.map(\.field) == ["status", "owner"])
    }
}
