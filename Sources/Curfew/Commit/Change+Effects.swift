internal import Policies

/// What the engine reads off the effects of a change.
extension Change {
    /// What the before-image of a dropped entry calls its score.
    static let scoreField = "score"

    /// Whether it only claims a record whose objects are to be deleted; such a change has no event: the removal has one.
    var isClaim: Bool { action == .delete && deletesObjects && !removesRecord }

    /// How much storage it frees; nil if none.
    var freedBytes: Int64? { objects.flatMap { $0.bytes == 0 ? nil : $0.bytes } }

    /// What becomes of its index entry at the end; an effect may have listed it anew.
    var indexEffect: Statement.IndexEffect {
        relists ? .none : next == nil ? .remove : .score
    }

    /// Whether it only removes or frees; a claim writes a word, so that an object can go and its record after it.
    ///
    /// Such a change is made also if Redis has no memory left: `DEL`, `RENAME` and `ZREM` by hand pass there, too.
    var frees: Bool {
        guard removesRecord || isClaim || action == .drop else { return false }
        return effects.allSatisfy { effect in
            guard case .write(let write) = effect else { return effect.frees }
            return isClaim && write.document == nil
        }
    }

    /// Why it was made, short, for an event that says no more.
    var briefReason: String {
        "\(reason.shortened(to: 100)) (Redis is full: what it was like is not noted)"
    }

    /// The change that takes an entry out of the application's index.
    static func drop(_ entry: DueEntry, because reason: String, guards: [Policies.Guard]) -> Change {
        Change(
            action: .drop, from: "", to: "", reason: reason, age: .zero, timeout: .zero, guards: guards,
            effects: [.unlist(score: entry.scoreText)])
    }

    /// Whether it takes something out of a registry.
    var takesSeat: Bool { effects.contains { if case .take = $0 { true } else { false } } }

    /// The change that takes a member out of a registry, whose record is missing.
    static func drop(of seat: Seat, because reason: String, guards: [Policies.Guard]) -> Change {
        Change(
            action: .drop, from: "", to: "", reason: reason, age: .zero, timeout: .zero, guards: guards,
            effects: [.take(seat.taking)])
    }

    /// The same with another entry for its refund, or without one.
    func with(refund: Refund?) -> Change {
        mapEffects { effect in
            switch effect {
            case .pay: return refund.map { .pay($0) }
            case .put(let push) where push.isOfRefund && refund == nil: return nil
            default: return effect
            }
        }
    }

    /// The same change if its charge was paid back before: nothing is paid, and the reason says so.
    var unpaid: Change {
        guard let refund else { return self }
        var change = with(refund: nil)
        change.reason += Self.unpaidNote(refund)
        return change
    }

    /// What is said of a refund that isn't paid, behind the reason of the change.
    static func unpaidNote(_ refund: Refund) -> String {
        "; \(refund.amount) not refunded again: \(refund.entry) is in \(refund.ledger) already"
    }

    /// The fields that are copied into the event; nil if none.
    var carried: [FieldWrite]? {
        // It is the last effect.
        guard case .carry(let fields)? = effects.last else { return nil }
        return fields
    }

    /// Whether its part in the record's slot names the member of the index that it is about.
    var namesMember: Bool {
        effects.contains { effect in
            switch effect {
            case .put, .take, .relist: true
            default: false
            }
        }
    }

    /// The keys beside the record that something is put into.
    var queues: [String] {
        guard puts else { return [] }
        var keys: [String] = []
        for case .put(let push) in effects { keys.append(push.key) }
        return keys
    }

    /// The keys that go with the record.
    var also: [String] {
        effects.compactMap { if case .discard(let key) = $0 { key } else { nil } }
    }
}

extension Change.Action {
    /// Whether the record is gone if the change is made.
    var removesRecord: Bool { [.release, .remove, .delete].contains(self) }
}

extension Evaluation {
    /// Whether the verdict is a change.
    var isChange: Bool {
        if case .change = decision { true } else { false }
    }

    /// The change, if the verdict is one.
    var change: Change? {
        guard case .change(let change) = decision else { return nil }
        return change
    }

    /// Whether what is written of it only removes or frees; an entry of the index that moves takes no more room.
    var frees: Bool {
        switch decision {
        case .change(let change): change.frees
        case .leave(let leave): leave.remember == nil
        case .drop, .malformed: true
        }
    }
}

extension [Evaluation] {
    /// Whether something of it removes or frees; otherwise there is no use in a page if Redis has no memory left.
    var hasFreeing: Bool {
        contains { evaluation in
            switch evaluation.decision {
            case .change(let change): change.frees
            case .drop: true
            case .leave, .malformed: false
            }
        }
    }
}
