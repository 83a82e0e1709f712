internal import Policies

/// What is left of one change when the record's own part is made: what must be known to finish it, whoever does.
///
/// It is handed on with every step of its page, so all but what may still change is kept in one place.
struct SagaEntry: Sendable, Equatable {
    private let content: Content
    /// What was given back, wherever, if the ledger doesn't say otherwise; below zero if an undo takes it again.
    var tokens: Int64

    /// Its place in the page.
    var place: Int { content.place }
    /// The record's id.
    var id: String { content.id }
    /// The record's key.
    var key: String { content.key }
    /// What is done in other slots than the record's.
    var effects: [Effect] { content.effects }
    /// What the event says; nil for a change that has none.
    var event: Event? { content.event }

    private final class Content: Sendable, Equatable {
        let place: Int
        let id: String, key: String
        let effects: [Effect]
        let event: Event?

        init(_ place: Int, _ id: String, _ key: String, _ effects: [Effect], _ event: Event?) {
            (self.place, self.id, self.key, self.effects, self.event) = (place, id, key, effects, event)
        }

        static func == (one: Content, other: Content) -> Bool {
            (one.place, one.id, one.key) == (other.place, other.id, other.key) && one.effects == other.effects
                && one.event == other.event
        }
    }

    /// Makes one, with nothing left to do unless told.
    init(place: Int, id: String, key: String, effects: [Effect] = [], tokens: Int64 = 0, event: Event? = nil) {
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
        return SagaEntry(place: place, id: id, key: key, effects: effects, tokens: 0, event: event)
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
        for effect in effects { steps.append(.effect(effect, of: id, once(effect, plan))) }
    }

    /// What shows in other slots that something is written there.
    func onces(_ plan: SagaPlan) -> [SagaOnce] { effects.compactMap { once($0, plan) } }

    private func once(_ effect: Effect, _ plan: SagaPlan) -> SagaOnce? {
        guard !effect.isRepeatable, let key = effect.key else { return nil }
        return SagaOnce(key: Keys.once(at: key, run: plan.run), field: "\(plan.page)/\(place)")
    }

    /// Why no run of the cleanup can have written the entry; nil if one can.
    func doubt(_ cleanup: Cleanup, _ keys: Keys) -> String? {
        do throws(RecordError) {
            let expected = try cleanup.records.expand(id: id) { _ in nil }
            guard key == expected, !keys.own(key) else {
                throw RecordError("what is written down names the key \(key), where \(id) is at \(expected)")
            }
            for effect in effects { try keys.permit(effect, of: id, in: cleanup) }
            return nil
        } catch {
            return error.message
        }
    }
}
