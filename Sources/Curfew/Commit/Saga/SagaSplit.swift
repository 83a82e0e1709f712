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
    /// The guards of ``first``, by their numbers among those of the whole change.
    let numbers: [Int]
    /// What must still be so in other slots, with its number; it can only be looked at just before.
    let others: [(item: Policies.Guard, number: Int)]
    /// What is left.
    let entry: SagaEntry

    private init(
        _ record: Record, _ first: Change, _ numbers: [Int], _ others: [(item: Policies.Guard, number: Int)],
        _ entry: SagaEntry
    ) {
        (self.record, self.first, self.numbers, self.others, self.entry) = (record, first, numbers, others, entry)
    }

    /// Splits a change of the record at that place of a page.
    convenience init(_ change: Change, of record: Record, at place: Int, _ encoder: ChangeEncoder) {
        let slot = RedisSlot.of(record.key)
        func isHere(_ key: String) -> Bool { RedisSlot.of(key) == slot }
        var left: [Effect] = []
        var first = change.mapEffects { effect in
            switch effect {
            case .pay(let refund):
                if isHere(refund.ledger), isHere(refund.balance) { return effect }
                let isOne = Slots.share(refund.ledger, refund.balance)
                left += isOne ? [effect] : [.credit(refund), .enter(refund)]
                return nil
            case .remember(let note):
                let key = encoder.keys.recoveries(encoder.cleanup.name, of: record.id)
                left.append(.store(StoredText(key: key, text: note.after, keptFor: note.keptFor)))
                return nil
            default:
                guard let key = effect.key, !isHere(key) else { return effect }
                left.append(effect)
                return nil
            }
        }
        var others: [(item: Policies.Guard, number: Int)] = []
        var numbers: [Int] = []
        for (number, item) in change.guards.enumerated() {
            if let key = item.otherKey, !isHere(key) { others.append((item, number)) } else { numbers.append(number) }
        }
        if !others.isEmpty { first.guards = numbers.map { change.guards[$0] } }
        let event = change.isClaim ? nil : encoder.event(of: change)
        let entry = SagaEntry(
            place: place, id: record.id, key: record.key, effects: left, tokens: change.refund?.amount ?? 0,
            event: event)
        self.init(record, first, numbers, others, entry)
    }

    /// The same with another refund in the record's slot, or none, which its event then says.
    func with(refund: Refund?) -> SagaSplit {
        let unpaid = refund == nil ? first.refund : nil
        return SagaSplit(record, first.with(refund: refund), numbers, others, unpaid.map(entry.unpaid) ?? entry)
    }
}

/// Slots of a Cluster.
enum Slots {
    /// Whether two keys are in one.
    static func share(_ one: String, _ other: String) -> Bool { RedisSlot.of(one) == RedisSlot.of(other) }
}
