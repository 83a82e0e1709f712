internal import Policies
internal import RedisClient

/// A change in parts: what one slot, the record's, can hold together, and what is left for later.
struct SagaSplit: Sendable {
    /// What is written in the record's slot, in one step with its guards.
    private(set) var first: Change
    /// What must still be so in other slots; it can only be looked at just before.
    let others: [Policies.Guard]
    /// What is left.
    let entry: SagaEntry

    /// Splits a change of the record at that place of a page.
    init(_ change: Change, of record: Record, at place: Int, isStream: Bool, _ encoder: ChangeEncoder) {
        let slot = RedisSlot.of(record.key)
        func isHere(_ key: String) -> Bool { RedisSlot.of(key) == slot }
        var first = change
        var entry = SagaEntry(place: place, id: record.id, key: record.key)
        first.guards = change.guards.filter { $0.otherKey.map(isHere) ?? true }
        others = change.guards.filter { $0.otherKey.map { !isHere($0) } ?? false }
        if let refund = change.refund {
            entry.tokens = refund.amount
            if !isHere(refund.ledger) || !isHere(refund.balance) {
                entry.refund = refund
                first.refund = nil
            }
        }
        if let push = change.push, !isHere(push.key) {
            (entry.queue, entry.isStream) = (push.key, isStream)
            first.push = nil
        }
        first.also = change.also.filter(isHere)
        entry.moves = change.also.filter { !isHere($0) }
        if !change.isClaim {
            entry.event = .init(
                action: change.action.rawValue, from: change.from, to: change.to, reason: change.reason,
                type: change.type, bytes: change.bytes, before: encoder.image(before: change), time: encoder.time)
        }
        self.first = first
        self.entry = entry
    }

    /// The same with another refund in the record's slot, or none.
    func with(refund: Refund?) -> SagaSplit {
        var split = self
        split.first.refund = refund
        return split
    }
}

extension Policies.Guard {
    /// The key it looks at, where that isn't the record's.
    var otherKey: String? {
        switch self {
        case .field, .text, .recordMissing: nil
        case .keyAbsent(let key), .keyPresent(let key), .otherField(let key, _, _): key
        }
    }
}

/// Slots of a Cluster.
enum Slots {
    /// Whether two keys are in one.
    static func share(_ one: String, _ other: String) -> Bool { RedisSlot.of(one) == RedisSlot.of(other) }
}
