internal import Policies

/// One write or look of a saga, within one slot, beside the changes of the records themselves.
enum SagaStep: Sendable {
    /// Looks whether these still hold at a record, or at another key.
    case look([Policies.Guard], at: String)
    /// Pays back where ledger and balance share a slot: the ledger's entry shows that it is done.
    case pay(Refund)
    /// Adds to a balance whose ledger is elsewhere, once.
    case add(balance: String, amount: Int64, SagaOnce)
    /// Enters a refund in a ledger whose balance is elsewhere.
    case note(Refund)
    /// Puts an id on a queue, once.
    case push(String, Push, SagaOnce)
    /// Notes a recovery: the same however often it is written.
    case remember(SagaEntry.Recoveries)
    /// Makes the part of a change that is in the record's slot; only asked, never made in this way.
    case change(Change, of: Record)
    /// Moves a key to the trash; nothing where there is none.
    case move(String, to: String, keeping: Duration)
    /// Takes away what shows that something is written once: all is done.
    case clear(SagaOnce)
    /// Lets it expire.
    case expire(SagaOnce, after: Duration)

    /// The key that says which slot it is about.
    var key: String {
        switch self {
        case .look(_, let key), .move(let key, _, _): key
        case .pay(let refund), .note(let refund): refund.ledger
        case .add(let balance, _, _): balance
        case .push(_, let push, _): push.key
        case .remember(let recoveries): recoveries.key
        case .change(_, let record): record.key
        case .clear(let once), .expire(let once, _): once.key
        }
    }

    /// Whether it only looks, removes or frees, and so is made also where a node has no memory left.
    var frees: Bool {
        switch self {
        case .look, .move, .clear, .expire: true
        case .pay, .add, .note, .push, .remember, .change: false
        }
    }

    /// Whether two steps differ only in what a statement leaves open.
    func hasForm(of other: SagaStep) -> Bool {
        switch (self, other) {
        case (.pay, .pay), (.add, .add), (.note, .note): true
        case (.look(let guards, _), .look(let others, _)): guards.haveForm(of: others)
        case (.push(_, let push, _), .push(_, let other, _)):
            push.kind == other.kind && push.isAtHead == other.isAtHead
        case (.remember(let one), .remember(let other)): one.keptFor == other.keptFor
        case (.change(let change, let record), .change(let other, let otherRecord)):
            record.isText == otherRecord.isText && change.hasForm(of: other, time: "")
        case (.move(_, _, let time), .move(_, _, let other)): time == other
        case (.clear, .clear): true
        case (.expire(_, let time), .expire(_, let other)): time == other
        default: false
        }
    }

    /// Tells the step.
    func tell(by encoder: ChangeEncoder, to sink: inout some CommitSink) {
        switch self {
        case .look(let guards, let key):
            // Guards of other keys bring them along.
            let own = guards.contains { $0.otherKey == nil } ? sink.key(key) : .own(0)
            encoder.tell(guards, status: nil, own, to: &sink)
        case .pay(let refund):
            let ledger = sink.key(refund.ledger)
            let balance = sink.key(refund.balance)
            let amount = sink.value(String(refund.amount))
            sink.begin("HSETNX", ledger)
            sink.hole(sink.value(refund.entry))
            sink.hole(amount)
            sink.begin("INCRBY", balance)
            sink.hole(amount)
        case .note(let refund):
            sink.begin("HSETNX", sink.key(refund.ledger))
            sink.hole(sink.value(refund.entry))
            sink.hole(sink.value(String(refund.amount)))
        case .add(let balance, let amount, let once):
            let key = tell(once, to: &sink)
            sink.begin("INCRBY", sink.key(balance))
            sink.hole(sink.value(String(amount)))
            tellEnd(of: key, to: &sink)
        case .push(let id, let push, let once):
            let key = tell(once, to: &sink)
            encoder.tell(push, of: sink.value(id), to: &sink)
            tellEnd(of: key, to: &sink)
        case .remember(let recoveries):
            let note = RecoveryNote(before: nil, after: recoveries.text, keptFor: recoveries.keptFor)
            encoder.tell(note, at: sink.key(recoveries.key), to: &sink)
        case .change(let change, let record): encoder.tell(change, of: record, isPart: true, to: &sink)
        case .move(let key, let trash, let time):
            let own = sink.key(key)
            guard encoder.cleanup.keepsTrash else { return sink.begin("DEL", own) }
            sink.begin("TRASH", own)
            sink.hole(sink.key(trash).source)
            sink.constant(String(time.milliseconds))
        case .clear(let once):
            sink.begin("HDEL", sink.key(once.key))
            sink.hole(sink.value(once.field))
        case .expire(let once, let time):
            sink.begin("PEXPIRE", sink.key(once.key))
            sink.constant(String(time.milliseconds))
        }
    }

    private func tell(_ once: SagaOnce, to sink: inout some CommitSink) -> Statement.Key {
        let key = sink.key(once.key)
        sink.begin("HSETNX", key)
        sink.hole(sink.value(once.field))
        sink.constant("made")
        return key
    }

    /// Where a failover has lost the mark that it belongs to, nobody comes to take it away.
    private func tellEnd(of once: Statement.Key, to sink: inout some CommitSink) {
        sink.begin("PEXPIRE", once)
        sink.constant(String(SagaOnce.longest.milliseconds))
    }
}
