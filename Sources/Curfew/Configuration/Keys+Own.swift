internal import Policies

/// Which keys are Curfew's own, and out of reach for whatever an application's records say.
///
/// A template may take a field of a record, and a field may hold anything: `{curfew}:fence`, say, or the name of something
/// that lies in the trash. Whoever names such a key, it is that record's error; and no record is one of these keys, though
/// a template such as `<id>:session` fits `curfew:trash:…:session` too.
extension Keys {
    /// What the keys begin with that lie beside those of the application, in their slots.
    private static let beside = ["curfew:trash:", "curfew:pending:", "curfew:once:", "curfew:undo"]

    /// All beginnings of Curfew's own keys.
    private var beginnings: [String] { [prefix] + Self.beside }

    /// Whether a key is one of Curfew's own.
    ///
    /// It is asked of every key that a sweep writes to, so the first byte of a key answers it for nearly all.
    func own(_ key: String) -> Bool {
        switch key.utf8.first {
        case UInt8(ascii: "{"): key.hasPrefix(prefix)
        case UInt8(ascii: "c"): Self.beside.contains { key.hasPrefix($0) }
        default: false
        }
    }

    /// Whether a template can make one of them: its first literal part begins like one, or is where one begins.
    func mayOwn(_ template: KeyTemplate) -> Bool {
        let start = template.literalStart
        if template.isConstant { return own(start) }
        return beginnings.contains { $0.hasPrefix(start) || start.hasPrefix($0) }
    }

    /// Whether every key that a template makes is one of them.
    func ownAll(_ template: KeyTemplate) -> Bool { own(template.literalStart) }

    /// The error of a record that names one of them.
    ///
    /// - Parameter role: what it was to be, such as `the balance of its refund`.
    func refusal(of key: String, as role: String) -> RecordError {
        RecordError("\(role) would be \(key.shortened(to: 200)), one of Curfew's own keys: expected another key")
    }

    /// Throws where a change names one of them: what it writes to, or what it is guarded by.
    func permit(_ change: Change) throws(RecordError) {
        for effect in change.effects { try permit(effect) }
        try permit(change.guards)
    }

    /// Throws where an effect writes to one of them.
    func permit(_ effect: Effect) throws(RecordError) {
        switch effect {
        case .pay(let refund), .credit(let refund), .enter(let refund):
            try permit(refund.balance, as: "the balance of its refund")
            try permit(refund.ledger, as: "the ledger of its refund")
        case .put(let push): try permit(push.key, as: "its queue")
        case .take(let taking): try permit(taking.key, as: "its queue")
        case .discard(let key), .erase(let key): try permit(key, as: "what goes with it")
        case .restore(let restoration): try permit(restoration.key, as: "what goes with it")
        case .store(let text): try permit(text.key, as: "what is written")
        case .objects, .write, .remember, .remove, .unlist, .relist: return
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

    /// Throws where a guard looks at one of them.
    func permit(_ guards: [Policies.Guard]) throws(RecordError) {
        for item in guards { try permit(item.otherKey, as: "what is looked at") }
    }

    /// Throws where a question is about one of them.
    func permit(_ questions: [Question]) throws(RecordError) {
        for question in questions { try permit(question.key, as: "what is looked at") }
    }

    /// Throws where a record names one of them.
    func permit(_ key: String?, as role: String) throws(RecordError) {
        if let key, own(key) { throw refusal(of: key, as: role) }
    }
}

extension Question {
    /// The key it is about, where that is another than the record's and Curfew's.
    fileprivate var key: String? {
        switch self {
        case .exists(let key), .field(let key, _), .count(let key): key
        case .members(let group): group.key
        case .firstSeen, .recoveries, .idle, .expiry: nil
        }
    }
}

extension Cleanup {
    /// The id of the record at a key; nil where there is none, and for what is Curfew's own or only looks alike.
    func id(of key: String, _ keys: Keys) -> String? {
        guard !keys.own(key), let id = records.id(of: key), gap.allows(id, in: records) else { return nil }
        return id
    }
}

extension Policies.Guard {
    /// The key it looks at, where that isn't the record's.
    var otherKey: String? {
        switch self {
        case .field, .text, .recordMissing: nil
        case .keyAbsent(let key), .keyPresent(let key), .otherField(let key, _, _), .otherText(let key, _),
            .listed(let key, _), .holds(let key, _), .atMost(let key, _):
            key
        }
    }
}
