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
    /// The guards of ``first``, by their numbers among those of the whole change; nil if these are all.
    let numbers: [Int]?
    /// What must still be so in other slots, with its number; it can only be looked at just before.
    let others: [(item: Policies.Guard, number: Int)]
    /// What is left.
    let entry: SagaEntry

    private init(
        _ record: Record, _ first: Change, _ numbers: [Int]?, _ others: [(item: Policies.Guard, number: Int)],
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
                let key = encoder.keys.recoveries(encoder.cleanup.name, of: record.name)
                left.append(.store(StoredText(key: key, text: note.after, keptFor: note.keptFor)))
                return nil
            default:
                guard let key = effect.key, !isHere(key) else { return effect }
                left.append(effect)
                return nil
            }
        }
        var others: [(item: Policies.Guard, number: Int)] = []
        for (number, item) in change.guards.enumerated() {
            if let key = item.otherKey, !isHere(key) { others.append((item, number)) }
        }
        var numbers: [Int]?
        if !others.isEmpty {
            let own = change.guards.indices.filter { number in !others.contains { $0.number == number } }
            first.guards = own.map { change.guards[$0] }
            numbers = own
        }
        let event = change.isClaim ? nil : encoder.event(of: change, id: record.name)
        let entry = SagaEntry(
            place: place, id: record.name, key: record.key, effects: left, tokens: change.paid,
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

/// One write or look of a saga, within one slot, beside the changes of the records themselves.
enum SagaStep: Sendable {
    /// Looks whether a guard still holds at a record, or at another key.
    case look(Policies.Guard, at: String)
    /// Makes an effect in another slot than the record's, for the record of that id; what isn't the same if repeated is
    /// made once.
    case effect(Effect, of: String, SagaOnce?)
    /// Makes the part of a change that is in the record's slot; only asked, never made in this way.
    indirect case change(Change, of: Record)
    /// Takes away what shows that something is written once: all is done.
    case clear(SagaOnce)
    /// Lets it expire.
    case expire(SagaOnce, after: Duration)

    /// The key that says which slot it is about.
    var key: String {
        switch self {
        case .look(_, let key): key
        case .effect(let effect, let id, _): effect.key ?? id
        case .change(_, let record): record.key
        case .clear(let once), .expire(let once, _): once.key
        }
    }

    /// The member of the index that it is about; nil where it names none.
    var member: String? {
        if case .change(let change, let record) = self, change.namesMember { record.member } else { nil }
    }

    /// Whether it only looks, removes or frees, and so is made also if a node has no memory left.
    var frees: Bool {
        switch self {
        case .look, .clear, .expire: true
        case .effect(let effect, _, let once): effect.frees && once == nil
        case .change: false
        }
    }

    /// Whether two steps differ only in what a statement leaves open.
    func hasForm(of other: SagaStep) -> Bool {
        switch (self, other) {
        case (.look(let one, _), .look(let other, _)): [one].haveForm(of: [other])
        case (.effect(let effect, _, let once), .effect(let other, _, let otherOnce)):
            (once == nil) == (otherOnce == nil) && effect.hasForm(of: other, status: nil, time: "")
        case (.change(let change, let record), .change(let other, let otherRecord)):
            record.isText == otherRecord.isText && change.hasForm(of: other, time: "")
        case (.clear, .clear): true
        case (.expire(_, let time), .expire(_, let other)): time == other
        default: false
        }
    }

    /// Encodes the step.
    func encode(by encoder: ChangeEncoder, to sink: inout some CommitSink) {
        switch self {
        case .look(let item, let key):
            // A guard of another key brings it along.
            encoder.encode([item], status: nil, item.otherKey == nil ? sink.key(key) : .own(0), to: &sink)
        case .effect(let effect, let id, let once?):
            let key = sink.key(once.key)
            sink.begin("HSETNX", key)
            sink.hole(sink.value(once.field))
            sink.constant("made")
            encoder.encode(effect, of: id, to: &sink)
            // If a failover has lost the mark that it belongs to, nothing comes to take it away.
            sink.begin("PEXPIRE", key)
            sink.constant(String(SagaOnce.longest.milliseconds))
        case .effect(let effect, let id, nil):
            if case .restore(let restoration) = effect { encoder.encodeGuards(of: restoration, to: &sink) }
            encoder.encode(effect, of: id, to: &sink)
        case .change(let change, let record): encoder.encode(change, of: record, isPart: true, to: &sink)
        case .clear(let once):
            sink.begin("HDEL", sink.key(once.key))
            sink.hole(sink.value(once.field))
        case .expire(let once, let time):
            sink.begin("PEXPIRE", sink.key(once.key))
            sink.constant(String(time.milliseconds))
        }
    }
}
