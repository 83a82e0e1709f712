/// The keys of a keyspace by their words, in bounded memory: what they have in common, how many there are, and a sample.
///
/// A word that looks like an id is a gap at once. Other words are kept as they are while there are few of them in one
/// place; where they are many, they become a gap too, but for those that name a part of a structure (`active`, `lock`).
/// Numbers of keys are exact; which keys are in a sample is random, and the same for the same keys.
struct KeyTree {
    /// The bounds of its memory.
    struct Limits: Sendable {
        /// How many different words one place may have before they become a gap.
        var words = 32
        /// The same for the first word of a key.
        var firstWords = 256
        /// How many places there may be at all.
        var places = 20_000
        /// How many keys of one shape are kept as a sample: so many that a value which one record in a hundred has is missed
        /// once in 500,000,000 times.
        var sample = 2_000
        /// How many keys are kept in all.
        var kept = 30_000
    }

    /// One way from a place to the next.
    struct Step: Hashable, Sendable {
        var separator: String
        /// The word; nil: a gap.
        var word: String?
    }

    /// A place among the keys: after these words.
    final class Place {
        /// How many keys end here.
        var ends = 0
        var sample: [String] = []
        var next: [Step: Place] = [:]
        /// The separators after which there are too many words.
        var open: Set<String> = []
    }

    /// Words that name a part of a structure, and aren't ids however many others stand beside them.
    static let structural: Set = [
        "", "active", "wait", "waiting", "failed", "completed", "delayed", "paused", "queue", "queues", "processing",
        "pending", "index", "deadlines", "lock", "locks", "meta", "events", "stats", "stat", "dead", "retry",
        "retries", "schedule", "scheduled", "workers", "all", "done", "finished", "log", "logs", "tasks", "result",
        "results", "tokens", "balance", "alive", "heartbeat", "members", "status", "state", "history", "children",
        "parents", "dependents", "dependencies", "progress", "reserved", "running", "started", "prioritized", "id",
    ]

    /// How many keys a sample keeps however many shapes there are.
    private static let fewest = 8

    /// The longest key that is looked at, in bytes.
    static let longestKey = 512

    private(set) var root = Place()
    private(set) var limits: Limits
    /// How many keys have no place, because there are too many.
    private(set) var omitted = 0
    private var places = 1
    private var kept = 0
    private var random = DiscoveryRandom()

    init(limits: Limits = Limits()) { self.limits = limits }

    /// Adds one key.
    mutating func add(_ key: String) {
        var place = root
        for (number, word) in KeyWords.words(of: key).enumerated() {
            guard let next = step(from: place, over: word, isFirst: number == 0) else {
                omitted += 1
                return
            }
            place = next
        }
        place.ends += 1
        if place.sample.isEmpty || (place.sample.count < limits.sample && kept < limits.kept) {
            place.sample.append(key)
            kept += 1
            if kept >= limits.kept, limits.sample > Self.fewest { thin() }
        } else {
            let chosen = Int(random.next() % UInt64(place.ends))
            if chosen < place.sample.count { place.sample[chosen] = key }
        }
    }

    /// Nil where there are too many places already.
    private mutating func step(from place: Place, over word: KeyWords.Word, isFirst: Bool) -> Place? {
        let named = Step(separator: word.separator, word: word.text)
        if let next = place.next[named] { return next }
        let gap = Step(separator: word.separator, word: nil)
        if Self.structural.contains(word.text), places < limits.places { return make(named, at: place) }
        if place.open.contains(word.separator) || WordForm(word.text).isID || places >= limits.places {
            if let whole = place.next[gap] { return whole }
            return places < limits.places ? make(gap, at: place) : nil
        }
        let others = place.next.keys.count { $0.separator == word.separator && $0.isPlainWord }
        guard others >= (isFirst ? limits.firstWords : limits.words) else { return make(named, at: place) }
        place.open.insert(word.separator)
        let whole = place.next[gap] ?? make(gap, at: place)
        for (step, other) in place.next where step.separator == word.separator && step.isPlainWord {
            place.next[step] = nil
            merge(other, into: whole)
        }
        return whole
    }

    private mutating func make(_ step: Step, at place: Place) -> Place {
        let made = Place()
        place.next[step] = made
        places += 1
        return made
    }

    /// Puts all below one place below another; both samples stay in proportion.
    mutating func merge(_ other: Place, into whole: Place) {
        let total = whole.ends + other.ends
        if total > 0 {
            var merged = whole.sample + other.sample
            if merged.count > limits.sample {
                let share = limits.sample * whole.ends / total
                merged = Array(whole.sample.prefix(max(share, limits.sample - other.sample.count)))
                merged += other.sample.prefix(limits.sample - merged.count)
            }
            kept += merged.count - whole.sample.count - other.sample.count
            whole.sample = merged
            whole.ends = total
        }
        whole.open.formUnion(other.open)
        places -= 1
        for (step, place) in other.next {
            if let same = whole.next[step] { merge(place, into: same) } else { whole.next[step] = place }
        }
    }

    /// Halves the samples: there are so many shapes that they would take too much memory.
    private mutating func thin() {
        limits.sample = max(Self.fewest, limits.sample / 2)
        kept = 0
        var rest = [root]
        while let place = rest.popLast() {
            place.sample = Array(place.sample.prefix(limits.sample))
            kept += place.sample.count
            rest += place.next.values
        }
    }
}

extension KeyTree.Step {
    /// Whether it is a word that becomes a part of a gap where there are too many.
    var isPlainWord: Bool { word.map { !KeyTree.structural.contains($0) } ?? false }
}

/// Random numbers that are the same in each discovery: what is found of the same keys is the same.
struct DiscoveryRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64 = 0x5DEE_CE66_D1CE_4E5B

    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }
}
