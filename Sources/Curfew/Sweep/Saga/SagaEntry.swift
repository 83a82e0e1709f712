internal import Policies

/// What is left of one change when the record's own part is made: what must be known to finish it, whoever does.
///
/// It is handed on with every step of its page, so all but what may still change is kept in one place.
struct SagaEntry: Sendable, Equatable {
    private let content: Content
    /// What was given back, wherever, if the ledger doesn't say otherwise.
    var tokens: Int64

    /// Its place in the page.
    var place: Int { content.place }
    /// The record's id.
    var id: String { content.id }
    /// The record's key.
    var key: String { content.key }
    /// What is paid back in other slots.
    var refund: Refund? { content.refund }
    /// Whether balance and ledger of the refund share a slot.
    var isPaidAtOnce: Bool { content.isPaidAtOnce }
    /// The queue in another slot that the id is pushed on.
    var queue: String? { content.queue }
    /// Whether that is a stream.
    var isStream: Bool { content.isStream }
    /// Keys in other slots that go with the record.
    var moves: [String] { content.moves }
    /// What the event says; nil for a change that has none.
    var event: Event? { content.event }

    private final class Content: Sendable, Equatable {
        let place: Int
        let id: String, key: String
        let refund: Refund?
        let isPaidAtOnce: Bool
        let queue: String?
        let isStream: Bool
        let moves: [String]
        let event: Event?

        init(
            _ place: Int, _ id: String, _ key: String, _ refund: Refund?, _ queue: String?, _ isStream: Bool,
            _ moves: [String], _ event: Event?
        ) {
            (self.place, self.id, self.key, self.refund) = (place, id, key, refund)
            (self.queue, self.isStream, self.moves, self.event) = (queue, isStream, moves, event)
            isPaidAtOnce = refund.map { Slots.share($0.ledger, $0.balance) } ?? false
        }

        static func == (one: Content, other: Content) -> Bool {
            (one.place, one.id, one.key, one.queue, one.isStream, one.moves)
                == (other.place, other.id, other.key, other.queue, other.isStream, other.moves)
                && one.refund == other.refund && one.event == other.event
        }
    }

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

    /// Writes the entry as words.
    func write(to words: inout WordWriter) {
        words.append(place)
        words.append(id)
        words.append(key)
        words.append(tokens)
        words.append(refund == nil ? 0 : 4)
        if let refund {
            words.append(refund.amount)
            for word in [refund.balance, refund.ledger, refund.entry] { words.append(word) }
        }
        words.append(queue == nil ? 0 : 2)
        if let queue { for word in [queue, isStream ? "stream" : "list"] { words.append(word) } }
        words.append(moves.count)
        for key in moves { words.append(key) }
        words.append(event == nil ? 0 : 8)
        guard let event else { return }
        for word in [event.action, event.from, event.to, event.reason, event.type] { words.append(word) }
        words.append(event.bytes)
        words.append(event.before)
        words.append(event.time)
    }

    /// Reads one; nil where the words are none.
    init?(_ reader: inout WordReader) {
        guard let place = reader.number(), let id = reader.next(), let key = reader.next(),
            let tokens = reader.number(), let refund = reader.list(), let queue = reader.list(),
            let moves = reader.list(), let event = reader.list()
        else { return nil }
        var owed: Refund?
        if refund.count == 4, let amount = Int64(refund[0]) {
            owed = Refund(amount: amount, balance: refund[1], ledger: refund[2], entry: refund[3])
        }
        var told: Event?
        if event.count == 8, let bytes = Int64(event[5]) {
            told = Event(
                action: event[0], from: event[1], to: event[2], reason: event[3], type: event[4], bytes: bytes,
                before: event[6], time: event[7])
        }
        self.init(
            place: Int(place), id: id, key: key, refund: owed, queue: queue.count == 2 ? queue[0] : nil,
            isStream: queue.count == 2 && queue[1] == "stream", moves: moves, tokens: tokens, event: told)
    }

    /// Makes one, with nothing left to do unless told.
    init(
        place: Int, id: String, key: String, refund: Refund? = nil, queue: String? = nil, isStream: Bool = false,
        moves: [String] = [], tokens: Int64 = 0, event: Event? = nil
    ) {
        content = Content(place, id, key, refund, queue, isStream, moves, event)
        self.tokens = tokens
    }
}

extension SagaEntry {
    /// Adds what is left to do in other slots than the record's and our own.
    func addSteps(_ plan: SagaPlan, keeping trash: Duration, to steps: inout [SagaStep]) {
        if let refund {
            if isPaidAtOnce {
                steps.append(.pay(refund))
            } else {
                let once = once(at: refund.balance, plan)
                steps += [.add(balance: refund.balance, amount: refund.amount, once), .note(refund)]
            }
        }
        if let queue { steps.append(.push(id, queue: queue, isStream: isStream, once(at: queue, plan))) }
        for key in moves { steps.append(.move(key, to: Keys.trash(of: key, run: plan.run), keeping: trash)) }
    }

    /// What shows in other slots that something is written there.
    func onces(_ plan: SagaPlan) -> [SagaOnce] {
        let balance = isPaidAtOnce ? nil : refund?.balance
        return [balance, queue].compactMap { $0.map { once(at: $0, plan) } }
    }

    private func once(at key: String, _ plan: SagaPlan) -> SagaOnce {
        SagaOnce(key: Keys.once(at: key, run: plan.run), field: "\(plan.page)/\(place)")
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
