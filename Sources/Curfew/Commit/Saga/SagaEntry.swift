internal import Policies

/// What is left of one change when the record's own part is made: what must be known to finish it, whoever does.
///
/// It is handed on with every step of its page, so all but what may still change is kept in one place.
struct SagaEntry: Sendable, Equatable {
    private let content: Content
    /// What was given back, wherever, if the ledger doesn't say otherwise; below zero if an undo takes it again.
    var tokens: Amount

    /// Its place in the page.
    var place: Int { content.place }
    /// The record's id.
    var id: String { content.id }
    /// The record's key.
    var key: String { content.key }
    /// What is done in other slots than the record's.
    var effects: [Effect] { content.effects }
    /// What the event says; nil for a change that has none.
    var event: Event? {
        guard hasEvent else { return nil }
        var event = Event()
        for field in Self.known { event[field] = told(field) }
        return event
    }
    /// Whether it has an event.
    var hasEvent: Bool { content.hasEvent }

    private final class Content: Sendable, Equatable {
        let place: Int
        let id: String, key: String
        let effects: [Effect]
        // What the event says, word by word: a page writes and compares them one by one, and an event is long to copy.
        let hasEvent: Bool
        let action: String, from: String, to: String, reason: String, type: String
        let bytes: Int64
        let before: String, time: String, carry: String

        init(_ place: Int, _ id: String, _ key: String, _ effects: [Effect], _ event: Event?) {
            (self.place, self.id, self.key, self.effects, hasEvent) = (place, id, key, effects, event != nil)
            (action, from, to) = (event?.action ?? "", event?.from ?? "", event?.to ?? "")
            (reason, type, bytes) = (event?.reason ?? "", event?.type ?? "", event?.bytes ?? 0)
            (before, time, carry) = (event?.before ?? "", event?.time ?? "", event?.carry ?? "")
        }

        func told(_ field: Event.Field) -> String {
            switch field {
            case .action: action
            case .from: from
            case .to: to
            case .reason: reason
            case .type: type
            case .bytes: bytes == 0 ? "0" : String(bytes)
            case .before: before
            case .time: time
            case .carry: carry
            case .record: id
            case .key: key
            // Known only when it is written.
            case .run, .cleanup, .tokens, .entries: ""
            }
        }

        static func == (one: Content, other: Content) -> Bool {
            (one.place, one.id, one.key) == (other.place, other.id, other.key) && one.effects == other.effects
                && one.hasEvent == other.hasEvent && SagaEntry.known.allSatisfy { one.told($0) == other.told($0) }
        }
    }

    /// What its event says in a field that is known from the beginning; empty where it has no event.
    func told(_ field: Event.Field) -> String { content.told(field) }

    /// Makes one, with nothing left to do unless told.
    init(place: Int, id: String, key: String, effects: [Effect] = [], tokens: Amount = 0, event: Event? = nil) {
        content = Content(place, id, key, effects, event)
        self.tokens = tokens
    }

    /// The refund that is made in other slots, if any.
    var refund: Refund? {
        for effect in effects {
            switch effect {
            case .pay(let refund), .credit(let refund), .enter(let refund): return refund
            default: continue
            }
        }
        return nil
    }

    /// The same if the charge was paid back before.
    func unpaid(_ refund: Refund) -> SagaEntry {
        var event = event
        event?.reason += Change.unpaidNote(refund)
        let rest = effects.filter { if case .put(let push) = $0 { !push.isOfRefund } else { true } }
        return SagaEntry(place: place, id: id, key: key, effects: rest, tokens: 0, event: event)
    }

    /// The same with an event that says only what was removed, and not what it was like.
    func brief(_ change: Change) -> SagaEntry {
        var event = event
        event?.reason = change.briefReason
        event?.before = BeforeImage.text([], also: change.also)
        return SagaEntry(place: place, id: id, key: key, effects: effects, tokens: tokens, event: event)
    }

    /// The entry as a change to be counted: only what counts and a result show of one.
    var counted: Change? {
        guard let event, let action = Change.Action(rawValue: event.action) else { return nil }
        var effects: [Effect] = []
        if event.bytes != 0 { effects.append(.objects(ObjectDeletion(storage: "", keys: [], bytes: event.bytes))) }
        if tokens != 0 { effects.append(.pay(Refund(amount: tokens, balance: "", ledger: "", entry: ""))) }
        return Change(
            action: action, from: event.from, to: event.to, reason: event.reason, type: event.type, age: .zero,
            timeout: .zero, guards: [.recordMissing], effects: effects)
    }
}

extension SagaEntry {
    /// Adds what is left to do in other slots than the record's and our own.
    func addSteps(_ plan: SagaPlan, to steps: inout [SagaStep]) {
        let effects = effects
        for index in effects.indices { steps.append(.effect(effects[index], of: id, once(index, plan))) }
    }

    /// What shows in other slots that something is written there.
    func onces(_ plan: SagaPlan) -> [SagaOnce] { effects.indices.compactMap { once($0, plan) } }

    /// Two effects at one key are two: the second must not take the mark of the first for its own.
    private func once(_ index: Int, _ plan: SagaPlan) -> SagaOnce? {
        let effects = effects
        guard !effects[index].isRepeatable, let key = effects[index].key else { return nil }
        let earlier = effects[..<index].count { !$0.isRepeatable && $0.key == key }
        let field = "\(plan.page)/\(place)" + (earlier == 0 ? "" : "/\(earlier)")
        return SagaOnce(key: Keys.once(at: key, run: plan.run), field: field)
    }

    /// Why no run of the cleanup can have written the entry; nil if one can.
    func doubt(_ cleanup: Cleanup, _ keys: Keys) -> String? {
        do throws(RecordError) {
            let expected = cleanup.source == nil ? try cleanup.records.expand(id: id) { _ in nil } : nil
            guard expected.map({ $0 == key }) ?? cleanup.mayHave(key, id: id), !keys.own(key) else {
                let place = expected.map { "where \(id) is at \($0)" } ?? "where none of its records can be"
                throw RecordError("what is written down names the key \(key), \(place)")
            }
            for effect in effects { try keys.permit(effect, of: id, in: cleanup) }
            return nil
        } catch {
            return error.message
        }
    }
}

/// An entry as it is written down with the records' parts of a page, and read by whoever finishes it.
extension SagaEntry {
    /// The fields of an event that are known from the beginning, in the order in which a plan has them.
    fileprivate static let known: [Event.Field] = [
        .action, .from, .to, .reason, .type, .bytes, .before, .time, .carry,
    ]

    /// Writes the entry as words.
    func write(to words: inout WordWriter) {
        words.append(place)
        words.append(id)
        words.append(key)
        words.append(String(tokens))
        words.append(effects.count)
        for index in effects.indices { effects[index].write(to: &words) }
        words.append(hasEvent ? Self.known.count : 0)
        guard hasEvent else { return }
        for field in Self.known { words.append(told(field)) }
    }

    /// Reads one; nil if the words are none.
    init?(_ reader: inout WordReader, version: SagaPlan.Version) {
        guard let place = reader.number(), let id = reader.next(), let key = reader.next(),
            let tokens = reader.next().flatMap({ Amount(text: $0) })
        else { return nil }
        guard let effects = version.knowsEffects ? Self.effects(&reader) : Self.earlierEffects(&reader, version),
            let words = reader.list()
        else { return nil }
        var event: Event?
        // Earlier versions copied no fields.
        if words.count >= Self.known.count - 1, words.count <= Self.known.count, Int64(words[5]) != nil {
            var known = Event()
            for (field, word) in zip(Self.known, words) { known[field] = word }
            event = known
        }
        self.init(place: Int(place), id: id, key: key, effects: effects, tokens: tokens, event: event)
    }

    private static func effects(_ reader: inout WordReader) -> [Effect]? {
        guard let count = reader.number(), (0...1_000).contains(count) else { return nil }
        var effects: [Effect] = []
        for _ in 0..<count {
            guard let code = reader.list(), let effect = Effect(code: code) else { return nil }
            effects.append(effect)
        }
        return effects
    }

    /// What earlier versions wrote: refund, queue, keys that go along and, since the third, the note of recoveries.
    private static func earlierEffects(_ reader: inout WordReader, _ version: SagaPlan.Version) -> [Effect]? {
        guard let refund = reader.list(), let queue = reader.list(), let moves = reader.list(),
            let noted = version == .third ? reader.list() : []
        else { return nil }
        var effects: [Effect] = []
        if refund.count == 4, let amount = Int64(refund[0]) {
            let refund = Refund(amount: Amount(amount), balance: refund[1], ledger: refund[2], entry: refund[3])
            effects += Slots.share(refund.ledger, refund.balance) ? [.pay(refund)] : [.credit(refund), .enter(refund)]
        }
        if let put = Effect(code: ["put"] + queue + (queue.count == 2 ? [""] : [])) { effects.append(put) }
        if noted.count == 3, let time = Int64(noted[2]) {
            effects.append(.store(StoredText(key: noted[0], text: noted[1], keptFor: .milliseconds(time))))
        }
        return effects + moves.map { .discard($0) }
    }
}

extension Effect {
    /// Writes the effect as words, for those that are made in other slots than the record's: how many, its name, and what
    /// it takes.
    fileprivate func write(to words: inout WordWriter) {
        switch self {
        case .pay(let refund): refund.write("pay", to: &words)
        case .credit(let refund): refund.write("credit", to: &words)
        case .enter(let refund): refund.write("enter", to: &words)
        case .store(let text):
            words.append(["store", text.key, text.text, text.keptFor.map { String($0.milliseconds) } ?? ""])
        case .erase(let key): words.append(["erase", key])
        case .put(let push):
            let kind = push.isAtHead ? "head" : (push.kind ?? .list).rawValue
            words.append(["put", push.key, kind, push.score ?? ""] + push.more)
        case .take(let taking):
            var more = taking.member.map { [$0, taking.field ?? ""] } ?? []
            if taking.end != .tail || taking.pending != nil, !more.isEmpty {
                let pending = taking.pending.map { [$0.group, $0.consumer, $0.deliveries] } ?? []
                more += [taking.end.rawValue] + pending
            }
            words.append(["take", taking.key, taking.kind.rawValue] + more)
        case .discard(let key): words.append(["discard", key])
        case .restore(let restoration):
            words.append(["restore", restoration.key, restoration.run, restoration.expires ?? ""])
        case .relist(let relisting):
            words.append(["relist", relisting.index, relisting.score, relisting.rule.rawValue])
        case .objects, .write, .remember, .remove, .unlist, .publish, .carry:
            preconditionFailure("\(self.words) is made in the record's slot")
        }
    }

    /// Reads one; nil if the words are none.
    fileprivate init?(code: [String]) {
        func rest(_ index: Int) -> String? { code[index].isEmpty ? nil : code[index] }
        switch (code.first ?? "", code.count) {
        case ("pay", 5...6), ("credit", 5...6), ("enter", 5...6):
            guard let amount = Amount(text: code[1]) else { return nil }
            let field = code.count == 6 ? code[5] : nil
            let refund = Refund(amount: amount, balance: code[2], field: field, ledger: code[3], entry: code[4])
            self = code[0] == "pay" ? .pay(refund) : code[0] == "credit" ? .credit(refund) : .enter(refund)
        case ("store", 4):
            guard code[3].isEmpty || Int64(code[3]) != nil else { return nil }
            let time = Int64(code[3]).map { Duration.milliseconds($0) }
            self = .store(StoredText(key: code[1], text: code[2], keptFor: time))
        case ("erase", 2): self = .erase(code[1])
        case ("put", 4...):
            let isAtHead = code[2] == "head"
            guard let kind = isAtHead ? .list : Push.Kind(rawValue: code[2]) else { return nil }
            var push = Push(key: code[1], kind: kind, score: rest(3), isAtHead: isAtHead)
            guard push.read(more: code.dropFirst(4)) else { return nil }
            self = .put(push)
        case ("take", 3), ("take", 5), ("take", 6), ("take", 9):
            guard let kind = Push.Kind(rawValue: code[2]) else { return nil }
            let more = code.count >= 5
            var taking = Taking(
                key: code[1], kind: kind, member: more ? code[3] : nil, field: more ? rest(4) : nil)
            if code.count >= 6 { taking.end = Seat.End(rawValue: code[5]) ?? .tail }
            if code.count == 9 {
                taking.pending = Seat.Pending(group: code[6], consumer: code[7], deliveries: code[8])
            }
            self = .take(taking)
        case ("discard", 2): self = .discard(code[1])
        case ("restore", 4): self = .restore(Restoration(key: code[1], run: code[2], expires: rest(3)))
        case ("relist", 4):
            guard let rule = Relisting.Rule(rawValue: code[3]) else { return nil }
            self = .relist(Relisting(index: code[1], score: code[2], rule: rule))
        default: return nil
        }
    }
}

extension Refund {
    /// Most pages are full of these, so no list is made.
    fileprivate func write(_ name: String, to words: inout WordWriter) {
        words.append(field == nil ? 5 : 6)
        words.append(name)
        words.append(String(amount))
        words.append(balance)
        words.append(ledger)
        words.append(entry)
        if let field { words.append(field) }
    }
}

extension WordWriter {
    /// Writes a list: how many words it has, and these.
    fileprivate mutating func append(_ list: [String]) {
        append(list.count)
        for word in list { append(word) }
    }
}
