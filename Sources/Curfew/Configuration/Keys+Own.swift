internal import Policies

/// Protects Curfew's own keys from values in the application's records.
///
/// A template may use a field of a record, and a field may contain anything, for example `{curfew}:fence` or the name
/// of a key in the trash. A record that names such a key has an error. And such a key is never a record, even though a
/// template like `<id>:session` also matches `curfew:trash:…:session`.
extension Keys {
    /// The prefixes of Curfew's keys in the slots of the application's keys.
    private static let beside = ["curfew:trash:", "curfew:pending:", "curfew:once:", "curfew:undo"]

    /// All prefixes of Curfew's own keys.
    private var beginnings: [String] { [prefix] + Self.beside }

    /// Whether a key is one of Curfew's own.
    ///
    /// Every key that a sweep writes to is checked; for almost all of them, the first byte decides.
    func own(_ key: String) -> Bool {
        switch key.utf8.first {
        case UInt8(ascii: "{"): key.hasPrefix(prefix)
        case UInt8(ascii: "c"): Self.beside.contains { key.hasPrefix($0) }
        default: false
        }
    }

    /// Whether a template can match one of them: its first literal part starts like one, or a placeholder precedes it.
    func mayOwn(_ template: KeyTemplate) -> Bool {
        let start = template.literalStart
        if template.isConstant { return own(start) }
        return beginnings.contains { $0.hasPrefix(start) || start.hasPrefix($0) }
    }

    /// Whether every key of a template is one of them.
    func ownAll(_ template: KeyTemplate) -> Bool { own(template.literalStart) }

    /// The error of a record that names one of them.
    ///
    /// - Parameter role: the role of the key, such as `the balance of its refund`.
    func refusal(of key: String, as role: String) -> RecordError {
        RecordError("\(role) would be \(key.shortened(to: 200)), one of Curfew's own keys: expected another key")
    }

    /// Throws if a change writes to one of them or has one in a guard.
    func permit(_ change: Change) throws(RecordError) {
        for effect in change.effects { try permit(effect) }
        try permit(change.guards)
    }

    /// Throws where something is put into a key that the same change also writes to as something else.
    ///
    /// Types are checked before the first write of a change, so that one key must not be two things in it; and what is put
    /// into the record, its ledger or its balance would undo what is written there.
    func checkPuts(of change: Change, to record: Record) throws(RecordError) {
        for (place, effect) in change.effects.enumerated() {
            if case .discard(let key) = effect, key == record.place?.seat?.registry {
                throw RecordError("\(key) would be deleted, in which the record stands: expected another key")
            }
            guard case .put(let push) = effect else { continue }
            if push.key == record.key, record.place?.body ?? .key == .key {
                throw Self.collision(push.key, "the record itself")
            }
            if let refund = change.refund {
                if push.key == refund.ledger { throw Self.collision(push.key, "the ledger of the refund") }
                if push.key == refund.balance { throw Self.collision(push.key, "the balance of the refund") }
            }
            for other in change.effects[..<place] where other.key == push.key {
                switch other {
                case .put(let first) where first.kind == push.kind: continue
                // What is put says what its key holds, or finds it out before it is sent.
                case .take(let taking) where push.kind == nil || push.kind == taking.kind: continue
                default: throw Self.collision(push.key, "written as something else by the same change")
                }
            }
        }
    }

    private static func collision(_ key: String, _ what: String) -> RecordError {
        RecordError("what is put would go into \(key.shortened(to: 200)), which is \(what): expected a key of its own")
    }

    /// Throws where an effect writes to one of them.
    func permit(_ effect: Effect) throws(RecordError) {
        switch effect {
        case .pay(let refund), .credit(let refund), .enter(let refund):
            try permit(refund.balance, as: "the balance of its refund")
            try permit(refund.ledger, as: "the ledger of its refund")
        case .put(let push): try permit(push.key, as: "its queue")
        case .take(let taking): try permit(taking.key, as: "what it is taken out of")
        case .publish: return
        case .discard(let key), .erase(let key): try permit(key, as: "what goes with it")
        case .restore(let restoration): try permit(restoration.key, as: "what goes with it")
        case .store(let text): try permit(text.key, as: "what is written")
        case .objects, .write, .remember, .remove, .unlist, .relist, .carry: return
        }
    }

    /// Throws where no run of a cleanup can have an effect on a record: what was written down may be anybody's.
    func permit(_ effect: Effect, of id: String, in cleanup: Cleanup) throws(RecordError) {
        let own = recoveries(cleanup.name, of: id)
        switch effect {
        case .store(let text):
            guard text.key == own else {
                throw RecordError("what is written down names another key for its recoveries than Curfew's")
            }
        case .erase(let key):
            guard key == own else {
                throw RecordError("what is written down names another key for its recoveries than Curfew's")
            }
        case .relist(let relisting):
            guard relisting.index == cleanup.indexKey(self) else {
                throw RecordError("what is written down names another index than \(cleanup.indexKey(self))")
            }
        case .restore(let restoration):
            guard Self.isRun(restoration.run, of: cleanup.name) else {
                throw RecordError(
                    "what is written down names the trash of \(restoration.run), which is no run of \(cleanup.name)")
            }
            try permit(effect)
        default: try permit(effect)
        }
    }

    /// Whether a name is one that runs of a cleanup have: `stuck-jobs-17`.
    static func isRun(_ name: String, of cleanup: String) -> Bool {
        guard name.hasPrefix(cleanup + "-") else { return false }
        return UInt64(name.dropFirst(cleanup.count + 1)) != nil
    }

    /// Throws if a guard reads one of them.
    func permit(_ guards: [Policies.Guard]) throws(RecordError) {
        for item in guards { try permit(item.otherKey, as: "the key it reads") }
    }

    /// Throws if a question reads one of them.
    func permit(_ questions: [Question]) throws(RecordError) {
        for question in questions { try permit(question.key, as: "the key it reads") }
    }

    /// Throws if a record names one of them.
    func permit(_ key: String?, as role: String) throws(RecordError) {
        if let key, own(key) { throw refusal(of: key, as: role) }
    }
}

extension Question {
    /// The key it reads, if that isn't the record's or Curfew's.
    fileprivate var key: String? {
        switch self {
        case .exists(let key), .field(let key, _), .count(let key), .standing(let key, _): key
        case .members(let group): group.key
        case .firstSeen, .recoveries, .idle, .expiry: nil
        }
    }
}

extension Cleanup {
    /// The id of the record at a key; nil if the key doesn't match or is Curfew's own.
    func id(of key: String, _ keys: Keys) -> String? {
        guard !keys.own(key) else { return nil }
        if let source { return source.gaps(of: key) == nil ? nil : key }
        guard let id = records.id(of: key), gap.allows(id, in: records) else { return nil }
        return id
    }
}

extension Policies.Guard {
    /// The key it reads, if that isn't the record's.
    var otherKey: String? {
        switch self {
        case .field, .text, .recordMissing: nil
        case .keyAbsent(let key), .keyPresent(let key), .otherField(let key, _, _), .otherText(let key, _),
            .listed(let key, _), .scored(let key, _, _), .contains(let key, _), .holds(let key, _), .atMost(let key, _),
            .stands(let key, _, _), .delivered(let key, _, _, _),
            .unlisted(let key, _), .undelivered(let key, _, _), .unread(let key, _):
            key
        }
    }
}
