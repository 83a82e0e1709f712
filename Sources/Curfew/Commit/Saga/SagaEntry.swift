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
    /// The queue in another slot that the id is put on.
    var push: Push? { content.push }
    /// What Curfew notes of the record in its own slot.
    var recoveries: Recoveries? { content.recoveries }
    /// Keys in other slots that go with the record.
    var moves: [String] { content.moves }
    /// What the event says; nil for a change that has none.
    var event: Event? { content.event }

    private final class Content: Sendable, Equatable {
        let place: Int
        let id: String, key: String
        let refund: Refund?
        let isPaidAtOnce: Bool
        let push: Push?
        let recoveries: Recoveries?
        let moves: [String]
        let event: Event?

        init(
            _ place: Int, _ id: String, _ key: String, _ refund: Refund?, _ push: Push?, _ recoveries: Recoveries?,
            _ moves: [String], _ event: Event?
        ) {
            (self.place, self.id, self.key, self.refund) = (place, id, key, refund)
            (self.push, self.recoveries, self.moves, self.event) = (push, recoveries, moves, event)
            isPaidAtOnce = refund.map { Slots.share($0.ledger, $0.balance) } ?? false
        }

        static func == (one: Content, other: Content) -> Bool {
            (one.place, one.id, one.key, one.moves) == (other.place, other.id, other.key, other.moves)
                && one.refund == other.refund && one.push == other.push && one.recoveries == other.recoveries
                && one.event == other.event
        }
    }

    /// The note of a record's recoveries: where it is, what it is to say, and how long it counts.
    struct Recoveries: Sendable, Equatable {
        var key: String
        var text: String
        var keptFor: Duration
    }

    /// The fields of an event that are known from the beginning, in the order in which a plan has them.
    private static let known: [Event.Field] = [.action, .from, .to, .reason, .type, .bytes, .before, .time]

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
        words.append(push == nil ? 0 : 3)
        if let push { for word in [push.key, push.word, push.score ?? ""] { words.append(word) } }
        words.append(moves.count)
        for key in moves { words.append(key) }
        words.append(recoveries == nil ? 0 : 3)
        if let recoveries {
            for word in [recoveries.key, recoveries.text] { words.append(word) }
            words.append(recoveries.keptFor.milliseconds)
        }
        words.append(event == nil ? 0 : Self.known.count)
        if let event { for field in Self.known { words.append(event[field]) } }
    }

    /// Reads one; nil where the words are none.
    ///
    /// - Parameter hasRecoveries: whether the plan is of a version that notes them.
    init?(_ reader: inout WordReader, hasRecoveries: Bool) {
        guard let place = reader.number(), let id = reader.next(), let key = reader.next(),
            let tokens = reader.number(), let refund = reader.list(), let queue = reader.list(),
            let moves = reader.list(), let noted = hasRecoveries ? reader.list() : [], let event = reader.list()
        else { return nil }
        var recoveries: Recoveries?
        if noted.count == 3, let time = Int64(noted[2]) {
            recoveries = Recoveries(key: noted[0], text: noted[1], keptFor: .milliseconds(time))
        }
        var owed: Refund?
        if refund.count == 4, let amount = Int64(refund[0]) {
            owed = Refund(amount: amount, balance: refund[1], ledger: refund[2], entry: refund[3])
        }
        var told: Event?
        if event.count == Self.known.count, Int64(event[5]) != nil {
            var known = Event()
            for (field, word) in zip(Self.known, event) { known[field] = word }
            told = known
        }
        self.init(
            place: Int(place), id: id, key: key, refund: owed, push: Push(words: queue), recoveries: recoveries,
            moves: moves, tokens: tokens, event: told)
    }

    /// Makes one, with nothing left to do unless told.
    init(
        place: Int, id: String, key: String, refund: Refund? = nil, push: Push? = nil, recoveries: Recoveries? = nil,
        moves: [String] = [], tokens: Int64 = 0, event: Event? = nil
    ) {
        content = Content(place, id, key, refund, push, recoveries, moves, event)
        self.tokens = tokens
    }
}

extension SagaEntry {
    /// The same where the charge was paid back before.
    func unpaid(_ refund: Refund) -> SagaEntry {
        var event = event
        event?.reason += Change.unpaidNote(refund)
        return SagaEntry(
            place: place, id: id, key: key, push: push, recoveries: recoveries, moves: moves, tokens: 0, event: event)
    }
}

extension SagaEntry {
    /// The same with an event that says only what was removed, and not what it was like.
    func brief(_ change: Change) -> SagaEntry {
        var event = event
        event?.reason = change.briefReason
        event?.before = BeforeImage.text([], also: change.also)
        return SagaEntry(
            place: place, id: id, key: key, refund: refund, push: push, recoveries: recoveries, moves: moves,
            tokens: tokens, event: event)
    }
}

extension Push {
    /// What the queue is, and which end of it is meant, as a plan writes it.
    fileprivate var word: String { isAtHead ? "head" : (kind ?? .list).rawValue }

    /// Reads a queue of a plan: its key, what it is and, in newer ones, the score; nil where there is none.
    fileprivate init?(words: [String]) {
        guard words.count == 2 || words.count == 3 else { return nil }
        let score = words.count == 3 && !words[2].isEmpty ? words[2] : nil
        self.init(key: words[0], kind: Kind(rawValue: words[1]) ?? .list, score: score, isAtHead: words[1] == "head")
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
        if let push { steps.append(.push(id, push, once(at: push.key, plan))) }
        if let recoveries { steps.append(.remember(recoveries)) }
        for key in moves { steps.append(.move(key, to: Keys.trash(of: key, run: plan.run), keeping: trash)) }
    }

    /// What shows in other slots that something is written there.
    func onces(_ plan: SagaPlan) -> [SagaOnce] {
        let balance = isPaidAtOnce ? nil : refund?.balance
        return [balance, push?.key].compactMap { $0.map { once(at: $0, plan) } }
    }

    private func once(at key: String, _ plan: SagaPlan) -> SagaOnce {
        SagaOnce(key: Keys.once(at: key, run: plan.run), field: "\(plan.page)/\(place)")
    }

    /// Why no run of the cleanup can have written the entry; nil where one can.
    func doubt(_ cleanup: Cleanup, _ keys: Keys) -> String? {
        do throws(RecordError) {
            let expected = try cleanup.records.expand(id: id) { _ in nil }
            guard key == expected, !keys.own(key) else {
                throw RecordError("what is written down names the key \(key), where \(id) is at \(expected)")
            }
            try keys.permit(refund?.balance, as: "the balance of its refund")
            try keys.permit(refund?.ledger, as: "the ledger of its refund")
            try keys.permit(push?.key, as: "its queue")
            for move in moves { try keys.permit(move, as: "what goes with it") }
            guard recoveries.map({ $0.key == keys.recoveries(cleanup.name, of: id) }) ?? true else {
                throw RecordError("what is written down names another key for its recoveries than Curfew's")
            }
            return nil
        } catch {
            return error.message
        }
    }

    /// The entry as a change to be counted: only what a counters and a result show of one.
    var counted: Change? {
        guard let event, let action = Change.Action(rawValue: event.action) else { return nil }
        var change = Change(
            action: action, from: event.from, to: event.to, reason: event.reason, type: event.type, age: .zero,
            timeout: .zero, guards: [.recordMissing], bytes: event.bytes)
        if tokens > 0 { change.refund = Refund(amount: tokens, balance: "", ledger: "", entry: "") }
        return change
    }
}
