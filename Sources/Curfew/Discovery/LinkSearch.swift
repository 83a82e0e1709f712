/// Where the values of fields may stand in keys.
enum LinkSearch {
    /// The words of a key that show that somebody is alive while it is there.
    static let aliveWords: Set = ["alive", "heartbeat", "ping", "online", "health", "beat", "keepalive", "presence"]

    /// The fields of a shape whose values may stand in keys: ids and names, no times, states or amounts.
    static func fields(of shape: ShapeFacts) -> [FieldFacts] {
        if let texts = shape.texts {
            let isLock = !LockWords.all.isDisjoint(with: shape.shape.words)
            return isLock && !texts.isTime ? [texts] : []
        }
        guard let facts = shape.records else { return [] }
        return facts.fields.filter { field in
            guard let role = facts.roles[field.name], field.filled > 0, !field.isTime else { return false }
            return [.owner, .reference].contains(role)
        }
    }

    /// The gap of a shape that a value may stand in.
    struct Place {
        let shape: KeyShape
        /// The step that is replaced.
        let step: Int

        /// The key with a value there.
        func key(_ value: String) -> String { text(value) }

        /// The template with a field there.
        func template(_ field: String) -> String { text("<\(field)>") }

        private func text(_ value: String) -> String {
            shape.steps.enumerated().map { $1.separator + ($0 == step ? value : $1.word ?? "") }.joined()
        }

        /// Whether the name of a field says what stands there: `workerId` of `worker:<…>:alive`.
        func isNamed(after field: String) -> Bool {
            let before = shape.steps[..<step].last { $0.word?.isEmpty == false }?.word
            guard let before, let noun = NameWords.of(before).last.map(NameWords.singular) else { return false }
            return NameWords.of(field).contains(noun)
        }
    }

    /// Where a value may stand in the keys of a shape: in its gap; or where a key without one is about one of several that
    /// may be alive, in place of that one.
    static func place(of field: FieldFacts, in target: ShapeFacts) -> Place? {
        let steps = target.shape.steps
        if let gap = steps.firstIndex(where: { $0.word == nil }) { return Place(shape: target.shape, step: gap) }
        guard !aliveWords.isDisjoint(with: target.shape.words) else { return nil }
        let candidates = steps.indices.dropFirst().filter { place in
            guard let word = steps[place].word, !word.isEmpty else { return false }
            return aliveWords.isDisjoint(with: NameWords.of(word))
        }
        return candidates.last.map { Place(shape: target.shape, step: $0) }
    }

    /// Whether a link shows that somebody is alive.
    static func isAlive(_ link: FieldLink) -> Bool {
        !aliveWords.isDisjoint(with: NameWords.of(link.to))
    }
}

/// The words of keys that are locks.
enum LockWords {
    static let all: Set = ["lock", "locks", "mutex", "lease", "semaphore", "claim", "locked"]
}
