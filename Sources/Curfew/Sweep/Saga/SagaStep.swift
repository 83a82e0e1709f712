internal import Policies

/// One write or look of a saga, within one slot.
enum SagaStep: Sendable {
    /// The record's part of a change, with its mark.
    case change(SagaSplit, mark: SagaMark)
    /// Looks whether these still hold at a record, or at another key.
    case look([Policies.Guard], at: String)
    /// Pays back where ledger and balance share a slot: the ledger's entry shows that it is done.
    case pay(Refund)
    /// Adds to a balance whose ledger is elsewhere, once.
    case add(balance: String, amount: Int64, SagaMark)
    /// Enters a refund in a ledger whose balance is elsewhere.
    case note(Refund)
    /// Pushes an id on a queue, once.
    case push(String, queue: String, isStream: Bool, SagaMark)
    /// Moves a key to the trash; nothing where there is none.
    case move(String, to: String, keeping: Duration)
    /// Takes a mark away: all is done.
    case clear(SagaMark)
    /// Closes a mark, only where it isn't there: then what it would show can't happen any more.
    case block(SagaMark)
    /// Closes a mark and lets it expire with its hash.
    case close(SagaMark, after: Duration)
    /// Lets the marks of a hash expire.
    case expire(SagaMark, after: Duration)

    /// The key that says which slot it is about.
    var key: String {
        switch self {
        case .change(let split, _): split.record.key
        case .look(_, let key), .move(let key, _, _): key
        case .pay(let refund), .note(let refund): refund.ledger
        case .add(let balance, _, _): balance
        case .push(_, let queue, _, _): queue
        case .clear(let mark), .block(let mark), .close(let mark, _), .expire(let mark, _): mark.key
        }
    }

    /// Whether two steps differ only in what a statement leaves open.
    func hasForm(of other: SagaStep) -> Bool {
        switch (self, other) {
        case (.pay, .pay), (.add, .add), (.note, .note): true
        case (.look(let guards, _), .look(let others, _)): guards.haveForm(of: others)
        case (.push(_, _, let isStream, _), .push(_, _, let other, _)): isStream == other
        case (.move(_, _, let time), .move(_, _, let other)): time == other
        case (.clear(let mark), .clear(let other)), (.block(let mark), .block(let other)): mark.page == other.page
        case (.close(let mark, let time), .close(let other, let otherTime)):
            mark.page == other.page && time == otherTime
        case (.expire(_, let time), .expire(_, let other)): time == other
        default: false
        }
    }

    /// Tells a step that is no change; see ``ChangeEncoder`` for those.
    func tell(by encoder: ChangeEncoder, to sink: inout some CommitSink) {
        switch self {
        case .change: break
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
            tell(once, "HSETNX", to: &sink)
            sink.begin("INCRBY", sink.key(balance))
            sink.hole(sink.value(String(amount)))
        case .push(let id, let queue, let isStream, let once):
            tell(once, "HSETNX", to: &sink)
            sink.begin(isStream ? "XADD" : "RPUSH", sink.key(queue))
            if isStream {
                sink.constant("*")
                sink.constant("id")
            }
            sink.hole(sink.value(id))
        case .move(let key, let trash, let time):
            let own = sink.key(key)
            sink.begin("TRASH", own)
            sink.hole(sink.key(trash).source)
            sink.constant(String(time.milliseconds))
        case .clear, .block, .close, .expire: tellMark(to: &sink)
        }
    }

    private func tell(_ mark: SagaMark, _ command: String, to sink: inout some CommitSink) {
        sink.begin(command, sink.key(mark.key))
        sink.hole(sink.value(mark.page))
        sink.hole(sink.value(mark.state.rawValue))
    }

    private func tellMark(to sink: inout some CommitSink) {
        let own = sink.key(key)
        switch self {
        case .clear(let mark):
            sink.begin("HDEL", own)
            sink.hole(sink.value(mark.page))
        case .block(let mark), .close(let mark, _):
            let isBlock = if case .block = self { true } else { false }
            sink.begin(isBlock ? "HSETNX" : "HSET", own)
            sink.hole(sink.value(mark.page))
            sink.constant(SagaMark.State.closed.rawValue)
        default: break
        }
        switch self {
        case .close(_, let time), .expire(_, let time):
            sink.begin("PEXPIRE", own)
            sink.constant(String(time.milliseconds))
        default: break
        }
    }
}
