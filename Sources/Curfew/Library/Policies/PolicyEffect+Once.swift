internal import Policies

/// What is made once: neither twice within a change, nor by two runs that don't know of each other.
extension PolicyEffect {
    /// The bytes of the texts that it writes.
    var size: Int {
        switch kind {
        case .set(_, let value): value?.utf8.count ?? 0
        case .put(let put):
            put.text.utf8.count + (put.field?.utf8.count ?? 0)
                + put.entry.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count }
        case .take(let member, _): member.utf8.count
        case .publish(let message, _): message.utf8.count
        case .remove, .discard, .refund: 0
        }
    }

    /// What is done twice at one place, so that an undo couldn't tell what was there before; nil where nothing is.
    ///
    /// Lists and streams only grow, and something may be taken out of a list to be put at its other end.
    static func twice(_ effects: [PolicyEffect]) -> String? {
        var made: Set<[String]> = []
        var used: Set<String> = []
        var discarded: Set<String> = []
        for effect in effects {
            switch effect.kind {
            case .put(let put):
                used.insert(put.key)
                guard let place = put.place else { continue }
                guard made.insert(["put"] + place).inserted else {
                    return "writes \(place.joined(separator: " of ").shortened(to: 200)) twice"
                }
            case .take(let member, let key):
                used.insert(key)
                guard made.insert(["take", member, key]).inserted else {
                    return "takes \("\(member) out of \(key)".shortened(to: 200)) twice"
                }
            case .discard(let key):
                guard discarded.insert(key).inserted else { return "discards \(key.shortened(to: 200)) twice" }
            case .set, .remove, .refund, .publish: continue
            }
        }
        guard !discarded.isEmpty else { return nil }
        return discarded.intersection(used).min().map {
            "discards \($0.shortened(to: 200)) and writes to it: expected one of both"
        }
    }
}

extension PolicyEffect.Put {
    /// What it writes over; nil where it is only added.
    fileprivate var place: [String]? {
        switch kind {
        case .list, .stream: nil
        case .set, .zset: [text, key]
        case .hash: [field ?? "", key]
        case .text: [key]
        }
    }
}

extension PolicyAction {
    /// Whether a record that stands in a registry is taken out of it.
    var leavesSeat: Bool { ![.mark, .warn].contains(self) }
}

extension ChangeParts {
    /// Whether it adds something, and nothing that it does keeps it from being made again.
    ///
    /// Where the answer to a commit is lost, its records are read and judged again: what has written the record, or ended a
    /// guard, is known to be made.
    ///
    /// - Parameters:
    ///   - guards: what the policy guards by itself, and would again.
    ///   - leavesSeat: whether the record is taken out of its registry.
    func canBeMadeTwice(_ guards: [Policies.Guard], leavesSeat: Bool) -> Bool {
        guard effects.contains(where: \.addsIfRepeated), !leavesSeat else { return false }
        let isSeen = effects.contains { effect in
            switch effect {
            case .remove: true
            case .write(let write): write.sets.contains { set in !write.before.contains(set) }
            default: guards.contains { $0.isEnded(by: effect) }
            }
        }
        return !isSeen
    }
}

extension Effect {
    /// Whether there is more of something if it is repeated.
    fileprivate var addsIfRepeated: Bool {
        switch self {
        case .put(let push): [.list, .stream, nil].contains(push.kind)
        case .take(let taking): [.list, .stream].contains(taking.kind)
        case .publish: true
        default: false
        }
    }
}

extension Policies.Guard {
    /// Whether it no longer holds once that was done.
    fileprivate func isEnded(by effect: Effect) -> Bool {
        switch (self, effect) {
        case (.keyAbsent(let key), .put(let push)): key == push.key
        case (.keyPresent(let key), .discard(let other)), (.otherText(let key, _), .discard(let other)): key == other
        case (.unlisted(let key, let member), .put(let push)):
            key == push.key && (push.field.map { $0 == member } ?? (push.content == .text(member)))
        case (.contains(let key, let member), .take(let taking)), (.listed(let key, let member), .take(let taking)):
            key == taking.key && member == taking.member
        case (.otherField(let key, let field, let value), .put(let push)):
            key == push.key && field == push.field && push.content != .text(value ?? "")
        case (.otherText(let key, let text), .put(let push)): key == push.key && push.content != .text(text)
        default: false
        }
    }
}
