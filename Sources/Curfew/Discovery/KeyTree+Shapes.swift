extension KeyTree {
    /// How many words with the same below them stand for one gap.
    private static let fewestAlike = 4
    /// The most shapes below one place that are compared.
    private static let mostCompared = 60

    /// The shapes of all keys, those with most keys first.
    mutating func shapes() -> [KeyShape] {
        settle(root, isFirst: true)
        var found: [KeyShape] = []
        collect(root, [], &found)
        return found.sorted { ($1.count, $0.template) < ($0.count, $1.template) }
    }

    private func collect(_ place: Place, _ steps: [Step], _ found: inout [KeyShape]) {
        if place.ends > 0 { found.append(KeyShape(steps: steps, count: place.ends, keys: place.sample)) }
        for (step, next) in place.next { collect(next, steps + [step], &found) }
    }

    /// Merges words that turned out to be ids: those with the same below them as others beside them.
    private mutating func settle(_ place: Place, isFirst: Bool = false) {
        for next in place.next.values { settle(next) }
        // The first word of a key is its name: a gap there would match every key.
        guard !isFirst else { return }
        for separator in Set(place.next.keys.map(\.separator)) {
            let words = place.next.filter { $0.key.separator == separator && $0.key.isPlainWord }
            let gap = Step(separator: separator, word: nil)
            let whole = place.next[gap]
            let known = whole.map { self.below($0) }
            for (below, alike) in Dictionary(grouping: words, by: { self.below($0.value) }) {
                guard let below else { continue }
                // One key for each shape below: an id. Many: perhaps a kind, of which there are a few.
                let isID = alike.allSatisfy { single($0.value) }
                let fits = known.map { known in known.map { below.isSubset(of: $0) } ?? false } ?? false
                guard alike.count >= Self.fewestAlike || (fits && isID) else { continue }
                let target = place.next[gap] ?? Place()
                place.next[gap] = target
                for (step, other) in alike {
                    place.next[step] = nil
                    merge(other, into: target)
                }
            }
            if let whole = place.next[gap], whole !== root { settle(whole) }
        }
    }

    /// The shapes below a place, as texts; nil where they are too many.
    private func below(_ place: Place) -> Set<String>? {
        var found: Set<String> = []
        var rest: [(Place, String)] = [(place, "")]
        while let (place, path) = rest.popLast() {
            if place.ends > 0 { found.insert(path) }
            for (step, next) in place.next { rest.append((next, path + step.separator + (step.word ?? "\0"))) }
            if found.count > Self.mostCompared || rest.count > Self.mostCompared { return nil }
        }
        return found
    }

    /// Whether each shape below a place is one key.
    private func single(_ place: Place) -> Bool {
        place.ends <= 1 && place.next.values.allSatisfy { single($0) }
    }
}
