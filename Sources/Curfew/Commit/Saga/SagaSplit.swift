internal import Policies
internal import RedisClient

/// A change in parts: what one slot, the record's, can hold together, and what is left for later.
///
/// It is handed on from step to step, so it is one object and no copies.
final class SagaSplit: Sendable {
    /// The record.
    let record: Record
    /// What is written in the record's slot, in one step with its guards.
    let first: Change
    /// What must still be so in other slots; it can only be looked at just before.
    let others: [Policies.Guard]
    /// What is left.
    let entry: SagaEntry

    private init(_ record: Record, _ first: Change, _ others: [Policies.Guard], _ entry: SagaEntry) {
        (self.record, self.first, self.others, self.entry) = (record, first, others, entry)
    }

    /// Splits a change of the record at that place of a page.
    convenience init(_ change: Change, of record: Record, at place: Int, _ encoder: ChangeEncoder) {
        let slot = RedisSlot.of(record.key)
        func isHere(_ key: String) -> Bool { RedisSlot.of(key) == slot }
        var first = change
        let isElsewhere = change.guards.map { $0.otherKey.map { !isHere($0) } ?? false }
        let others = zip(change.guards, isElsewhere).filter(\.1).map(\.0)
        if !others.isEmpty { first.guards = zip(change.guards, isElsewhere).filter { !$0.1 }.map(\.0) }
        if let refund = change.refund, !isHere(refund.ledger) || !isHere(refund.balance) { first.refund = nil }
        if let push = change.push, !isHere(push.key) { first.push = nil }
        if !change.also.isEmpty { first.also = change.also.filter(isHere) }
        let event = encoder.event(of: change)
        let entry = SagaEntry(
            place: place, id: record.id, key: record.key, refund: first.refund == nil ? change.refund : nil,
            push: first.push == nil ? change.push : nil,
            recoveries: change.note.map { note in
                let key = encoder.keys.recoveries(encoder.cleanup.name, of: record.id)
                return SagaEntry.Recoveries(key: key, text: note.after, keptFor: note.keptFor)
            },
            moves: change.also.isEmpty ? [] : change.also.filter { !isHere($0) }, tokens: change.refund?.amount ?? 0,
            event: change.isClaim ? nil : event)
        self.init(record, first, others, entry)
    }

    /// The same with another refund in the record's slot, or none, which its event then says.
    func with(refund: Refund?) -> SagaSplit {
        var first = first
        let unpaid = refund == nil ? first.refund : nil
        first.refund = refund
        return SagaSplit(record, first, others, unpaid.map(entry.unpaid) ?? entry)
    }
}

/// Slots of a Cluster.
enum Slots {
    /// Whether two keys are in one.
    static func share(_ one: String, _ other: String) -> Bool { RedisSlot.of(one) == RedisSlot.of(other) }
}
