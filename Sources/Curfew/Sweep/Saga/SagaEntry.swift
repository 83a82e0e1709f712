internal import Policies

/// What is left of one change when the record's own part is made: what must be known to finish it, whoever does.
struct SagaEntry: Sendable, Equatable {
    /// Its place in the page.
    var place: Int
    /// The record's id and key.
    var id: String, key: String
    /// What is paid back in other slots.
    var refund: Refund?
    /// The queue in another slot that the id is pushed on, and whether it is a stream.
    var queue: String?
    var isStream = false
    /// Keys in other slots that go with the record.
    var moves: [String] = []
    /// What was given back, wherever, if the mark or the ledger doesn't say otherwise.
    var tokens: Int64 = 0
    /// What the event says; nil for a change that has none.
    var event: Event?

    /// The fields of an event that are known from the beginning.
    struct Event: Sendable, Equatable {
        var action: String
        var from: String, to: String
        var reason: String
        var type: String
        var bytes: Int64
        /// The before-image.
        var before: String
        /// When the record was changed, in milliseconds.
        var time: String
    }

    /// The entry as words.
    var words: [String] {
        var words = [String(place), id, key, String(tokens), refund == nil ? "0" : "4"]
        if let refund { words += [String(refund.amount), refund.balance, refund.ledger, refund.entry] }
        words += queue.map { ["2", $0, isStream ? "stream" : "list"] } ?? ["0"]
        words += [String(moves.count)] + moves
        guard let event else { return words + ["0"] }
        return words + [
            "8", event.action, event.from, event.to, event.reason, event.type, String(event.bytes), event.before,
            event.time,
        ]
    }

    /// Reads one; nil where the words are none.
    init?(_ reader: inout WordReader) {
        guard let place = reader.number(), let id = reader.next(), let key = reader.next(),
            let tokens = reader.number(), let refund = reader.list(), let queue = reader.list(),
            let moves = reader.list(), let event = reader.list()
        else { return nil }
        self.init(place: Int(place), id: id, key: key, moves: moves, tokens: tokens)
        if refund.count == 4, let amount = Int64(refund[0]) {
            self.refund = Refund(amount: amount, balance: refund[1], ledger: refund[2], entry: refund[3])
        }
        if queue.count == 2 { (self.queue, isStream) = (queue[0], queue[1] == "stream") }
        if event.count == 8, let bytes = Int64(event[5]) {
            self.event = Event(
                action: event[0], from: event[1], to: event[2], reason: event[3], type: event[4], bytes: bytes,
                before: event[6], time: event[7])
        }
    }

    /// Makes one, with nothing left to do unless told.
    init(
        place: Int, id: String, key: String, refund: Refund? = nil, queue: String? = nil, isStream: Bool = false,
        moves: [String] = [], tokens: Int64 = 0, event: Event? = nil
    ) {
        (self.place, self.id, self.key) = (place, id, key)
        (self.refund, self.queue, self.isStream, self.moves) = (refund, queue, isStream, moves)
        (self.tokens, self.event) = (tokens, event)
    }
}

extension SagaEntry {
    /// The mark at its record.
    func mark(_ plan: SagaPlan) -> SagaMark {
        SagaMark(key: Keys.pending(of: key, run: plan.run), page: plan.page)
    }

    /// What is left to do in other slots than the record's and our own.
    func steps(_ plan: SagaPlan, keeping trash: Duration) -> [SagaStep] {
        var steps: [SagaStep] = []
        if let refund {
            if Slots.share(refund.ledger, refund.balance) {
                steps.append(.pay(refund))
            } else {
                let once = once(at: refund.balance, plan)
                steps += [.add(balance: refund.balance, amount: refund.amount, once), .note(refund)]
            }
        }
        if let queue { steps.append(.push(id, queue: queue, isStream: isStream, once(at: queue, plan))) }
        for key in moves { steps.append(.move(key, to: Keys.trash(of: key, run: plan.run), keeping: trash)) }
        return steps
    }

    /// The marks of what is written once in other slots.
    func onces(_ plan: SagaPlan) -> [SagaMark] {
        steps(plan, keeping: .zero).compactMap { step in
            switch step {
            case .add(_, _, let once), .push(_, _, _, let once): once
            default: nil
            }
        }
    }

    private func once(at key: String, _ plan: SagaPlan) -> SagaMark {
        SagaMark(key: Keys.once(at: key, run: plan.run), page: "\(plan.page)/\(place)")
    }

    /// The entry as a change to be counted: only what a tally and a result show of one.
    var counted: Change? {
        guard let event, let action = Change.Action(rawValue: event.action) else { return nil }
        var change = Change(
            action: action, from: event.from, to: event.to, reason: event.reason, type: event.type, age: .zero,
            timeout: .zero, guards: [.recordMissing], bytes: event.bytes)
        if tokens > 0 { change.refund = Refund(amount: tokens, balance: "", ledger: "", entry: "") }
        return change
    }
}
