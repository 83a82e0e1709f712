/// What a cleanup adds to the changes of its policy, whichever that is: its keys `touch` and `carry`, and the effects of
/// its actions (``ActionEffects``).
///
/// `touch`: fields that get the time with every change of state. A mark or a warning is none, nor is a removal. The time is
/// written in the form that the field has, else in that of the time that the record's age counts from.
///
/// `carry`: fields that are copied into the event of every change, so that whoever reads it, or is sent it, knows whose
/// record it was.
package struct ChangeAdditions: Sendable, Equatable {
    /// The fields that get the time.
    package var touch: [String]
    /// Whether only those are touched that the record has: where it is the policy's default and nobody asked for it.
    package var touchesOnlyPresent: Bool
    /// The fields that are copied.
    package var carry: [String]
    /// What the file adds to actions.
    package var actions: [Change.Action: ActionEffects]

    /// The most bytes of a value that is copied.
    private static let mostCarried = 1_024

    /// Makes it, with nothing to add unless told.
    package init(
        touch: [String] = [], touchesOnlyPresent: Bool = false, carry: [String] = [],
        actions: [Change.Action: ActionEffects] = [:]
    ) {
        self.actions = actions
        self.touch = touch
        self.touchesOnlyPresent = touchesOnlyPresent
        self.carry = carry
    }

    /// Whether nothing is added.
    package var isEmpty: Bool { touch.isEmpty && carry.isEmpty && actions.isEmpty }

    /// The fields that have to be read for it.
    package var fields: [String] { unique(touch + carry + actionFields) }

    /// The fields that are only looked at, so that they may hold anything.
    package var looseFields: [String] {
        unique(carry + actionFields).filter { !touch.contains($0) && !counted.contains($0) }
    }

    /// The fields that are counted, and so must be numbers.
    private var counted: [String] { actions.values.flatMap { $0.add.map(\.field) } }

    private var actionFields: [String] { actions.sorted { $0.key.rawValue < $1.key.rawValue }.flatMap(\.value.fields) }

    /// The fields of the record that are written.
    package var writtenFields: [String] { unique(touch + actions.values.flatMap(\.writtenFields)) }

    /// The keys beside the record that are written to.
    package var uses: [KeyUse] { actions.sorted { $0.key.rawValue < $1.key.rawValue }.flatMap(\.value.uses) }

    /// The verdict with what is added; a question where more must be known first.
    ///
    /// Throws where the record lacks what an effect of the file needs.
    package func added(
        to verdict: Verdict, on record: Record, by policy: some Policy, at now: Timestamp
    ) throws(RecordError) -> Verdict {
        guard case .change(let change) = verdict, record.content != .missing else { return verdict }
        var changed = change
        if let effects = actions[change.action] {
            let facts = EffectFacts(
                record: record, now: now, form: policy.writtenStart(of: record, at: now)?.time.form ?? Self.iso,
                amount: change.pays ? String(change.paid) : nil, reason: change.reason,
                from: change.from, to: change.to, origin: policy.origin)
            let questions = try effects.questions(facts)
            guard questions.isEmpty else { return .ask(questions) }
            changed = try effects.added(to: changed, facts)
        }
        if !touch.isEmpty, change.movesState { changed = touching(changed, record, policy, now) }
        let carried = carry.compactMap { field in
            record.present(field).map { FieldWrite(field: field, value: $0.shortened(to: Self.mostCarried)) }
        }
        return .change(carried.isEmpty ? changed : changed.adding(.carry(carried)))
    }

    private func touching(_ change: Change, _ record: Record, _ policy: some Policy, _ now: Timestamp) -> Change {
        let names = touchesOnlyPresent ? touch.filter { record[$0] != nil } : touch
        guard !names.isEmpty else { return change }
        return change.mapEffects { effect in
            guard case .write(var write) = effect else { return effect }
            for name in names where !write.sets.contains(where: { $0.field == name }) {
                write.sets.append(FieldWrite(field: name, value: form(of: name, record, policy, now).text(for: now)))
                if !write.before.contains(where: { $0.field == name }) {
                    write.before.append(FieldWrite(field: name, value: record[name]))
                }
            }
            return .write(write)
        }
    }

    /// How the field writes its time, or else the field that the age counts from; ISO 8601 where neither has one.
    private func form(of field: String, _ record: Record, _ policy: some Policy, _ now: Timestamp) -> TimeForm {
        do throws(RecordError) {
            if let own = try record.time(field, by: policy.times, at: nil) { return own.time.form }
        } catch {
            // What can't be read as a time has no form; it is written anew.
        }
        return policy.writtenStart(of: record, at: now)?.time.form ?? Self.iso
    }

    private static let iso = TimeForm.iso8601(TimeForm.ISO8601(fractionDigits: 3))
}

extension Change {
    /// Whether it takes the record to another state, and not only marks it.
    fileprivate var movesState: Bool {
        switch action {
        case .fail, .retry, .complete, .cancel, .reset: from != to
        case .recount, .release, .mark, .warn, .remove, .delete, .drop, .undo: false
        }
    }
}
