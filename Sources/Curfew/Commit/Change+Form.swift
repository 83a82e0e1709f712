internal import Policies

extension Change {
    /// Whether two changes differ only in what a statement leaves open.
    func hasForm(of other: Change, time: String) -> Bool {
        guard
            action == other.action, from == other.from, to == other.to, (next == nil) == (other.next == nil),
            effects.count == other.effects.count, guards.haveForm(of: other.guards, status: from)
        else { return false }
        for index in effects.indices {
            guard effects[index].hasForm(of: other.effects[index], status: to, time: time) else { return false }
        }
        return true
    }
}

extension Effect {
    /// Whether two effects differ only in what a statement leaves open.
    func hasForm(of other: Effect, status: String?, time: String) -> Bool {
        // Almost all of a cluster's steps are of these, and need no look at what they hold.
        let isAlike: Bool? =
            switch self {
            case .pay(let mine): if case .pay(let theirs) = other { mine.hasForm(of: theirs) } else { false }
            case .credit(let mine): if case .credit(let theirs) = other { mine.hasForm(of: theirs) } else { false }
            case .enter: if case .enter = other { true } else { false }
            case .discard: if case .discard = other { true } else { false }
            default: nil
            }
        if let isAlike { return isAlike }
        switch (self, other) {
        case (.erase, .erase), (.remove, .remove), (.unlist, .unlist): return true
        case (.objects(let mine), .objects(let theirs)): return (mine.bytes == 0) == (theirs.bytes == 0)
        case (.write(let mine), .write(let theirs)):
            guard (mine.document == nil) == (theirs.document == nil), mine.sets.count == theirs.sets.count else {
                return false
            }
            for (mine, theirs) in zip(mine.sets, theirs.sets) {
                guard mine.field == theirs.field, (mine.value == nil) == (theirs.value == nil),
                    (mine.value == status) == (theirs.value == status), (mine.value == time) == (theirs.value == time)
                else { return false }
            }
            return true
        case (.remember(let mine), .remember(let theirs)):
            return (mine.before == nil) == (theirs.before == nil) && mine.keptFor == theirs.keptFor
        case (.store(let mine), .store(let theirs)): return mine.keptFor == theirs.keptFor
        case (.put(let mine), .put(let theirs)):
            return mine.kind == theirs.kind && mine.isAtHead == theirs.isAtHead && mine.keptFor == theirs.keptFor
                && (mine.field == nil) == (theirs.field == nil) && (mine.pending == nil) == (theirs.pending == nil)
                && (mine.expires == nil) == (theirs.expires == nil) && (mine.behind == nil) == (theirs.behind == nil)
                && mine.content.hasForm(of: theirs.content)
        case (.take(let mine), .take(let theirs)):
            return mine.kind == theirs.kind && (mine.member == nil) == (theirs.member == nil)
                && (mine.field == nil) == (theirs.field == nil) && (mine.end == .head) == (theirs.end == .head)
                && (mine.pending == nil) == (theirs.pending == nil) && mine.isAdded == theirs.isAdded
        case (.publish, .publish): return true
        case (.carry, .carry): return true
        case (.restore(let mine), .restore(let theirs)): return (mine.expires == nil) == (theirs.expires == nil)
        case (.relist(let mine), .relist(let theirs)): return mine.rule == theirs.rule
        default: return false
        }
    }
}

extension Refund {
    /// Whether two are paid in the same way.
    fileprivate func hasForm(of other: Refund) -> Bool { (field == nil) == (other.field == nil) }
}

extension Push.Content {
    /// Whether two contents differ only in what a statement leaves open.
    fileprivate func hasForm(of other: Push.Content) -> Bool {
        switch (self, other) {
        case (.id, .id), (.text, .text): true
        case (.fields(let mine, _), .fields(let theirs, _)): mine.map(\.field) == theirs.map(\.field)
        default: false
        }
    }
}

extension [Policies.Guard] {
    /// Whether two lists of guards look at the same things in the same way, whatever they expect there.
    func haveForm(of other: [Policies.Guard], status: String? = nil) -> Bool {
        guard count == other.count else { return false }
        for (mine, theirs) in zip(self, other) {
            switch (mine, theirs) {
            case (.field(let field, let value), .field(let otherField, let otherValue)):
                guard field == otherField, (value == nil) == (otherValue == nil),
                    (value == status) == (otherValue == status)
                else { return false }
            case (.otherField(_, _, let value), .otherField(_, _, let otherValue)):
                guard (value == nil) == (otherValue == nil) else { return false }
            case (.text, .text), (.recordMissing, .recordMissing), (.keyAbsent, .keyAbsent), (.keyPresent, .keyPresent),
                (.otherText, .otherText), (.listed, .listed), (.contains, .contains), (.scored, .scored),
                (.holds, .holds), (.atMost, .atMost), (.delivered, .delivered), (.unlisted, .unlisted),
                (.undelivered, .undelivered), (.unread, .unread), (.stands, .stands):
                continue
            default: return false
            }
        }
        return true
    }
}
