internal import Policies
internal import RedisClient

/// Concludes from what was found which cleanups may be wanted.
///
/// What would change records that nobody meant is worse than what is left out: each proposal is a dry run, and where the
/// evidence doesn't suffice it is a comment.
struct Proposer {
    /// What belongs to people rather than to background work: history of that isn't removed on a guess.
    private static let kept: Set = [
        "user", "account", "customer", "order", "product", "invoice", "payment", "subscription", "post", "article",
        "profile", "tenant", "organization", "organisation", "team", "project", "config", "setting", "settings",
        "template", "balance", "wallet", "cart", "contact", "member", "document", "message",
    ]

    let findings: Findings
    private(set) var cleanups: [ProposedCleanup] = []
    private var names: Set<String> = []

    init(_ findings: Findings) {
        self.findings = findings
        for shape in findings.shapes { propose(for: shape) }
    }

    private mutating func propose(for shape: ShapeFacts) {
        guard shape.shape.gaps.contains("id") else { return }
        let isLock = !LockWords.all.isDisjoint(with: shape.shape.words)
        if isLock, shape.records != nil || shape.texts != nil {
            add(lock(shape))
            return
        }
        guard let facts = shape.records, !facts.fields.isEmpty else { return }
        if let files = files(shape, facts) {
            add(files)
            return
        }
        guard let status = facts.status else {
            if let registered = registered(shape, facts) { add(registered) }
            if let old = oldWithoutStatus(shape, facts) { add(old) }
            return
        }
        if let counters = counters(shape, facts, status) {
            add(counters)
        } else {
            let paused = paused(shape, facts, status)
            let dependent = dependent(shape, facts, status)
            for found in [paused, dependent] { if let found { add(found) } }
            if var stuck = stuck(shape, facts, status) {
                if paused != nil, facts.times(.start).isEmpty, stuck.doubt == nil {
                    stuck.doubt = "these records also pause, and no field says when work on one began"
                }
                add(stuck)
            }
        }
        if let old = old(shape, facts, status) { add(old) }
    }

    private mutating func add(_ cleanup: ProposedCleanup) {
        var cleanup = cleanup
        var number = 2
        let name = cleanup.name
        while !names.insert(cleanup.name).inserted {
            cleanup.name = "\(name)-\(number)"
            number += 1
        }
        cleanups.append(cleanup)
    }

    /// The name of a cleanup: `stuck-jobs`.
    static func name(_ before: String, _ noun: String, _ after: String = "") -> String {
        let word = noun.readable.filter { $0.isASCII && ($0.isLetter || $0.isNumber) }
        return [before, word.isEmpty ? "records" : word, after].filter { !$0.isEmpty }.joined(separator: "-")
    }

    /// Whether records of that name are removed on a guess.
    static func isKept(_ noun: String) -> Bool { kept.contains(noun) }

    /// The name of a duration that is somewhat longer than all but the longest of these; nil where there are few.
    static func timeout(beyond durations: [Duration]) -> Duration? {
        guard durations.count >= 10 else { return nil }
        let long = durations[durations.count / 20]
        let wanted = long * 3
        let steps = [5, 10, 15, 30, 60, 120, 180, 360, 720, 1_440].map { Duration.seconds($0 * 60) }
        return steps.first { $0 >= wanted } ?? .seconds(2 * 86_400)
    }

    /// The template of an entry in the application's index, and whether it may be one of deadlines.
    func indexes(of shape: ShapeFacts, in states: [String]) -> (sure: RegistryFacts?, others: [RegistryFacts]) {
        let sets = findings.registries(of: shape).filter { registry in
            guard registry.type == "zset", registry.member == "<id>", !registry.key.contains("<") else { return false }
            let known = registry.states.values.reduce(0, +)
            let fitting = states.reduce(0) { $0 + (registry.states[$1] ?? 0) }
            return registry.scores.isTime && (known == 0 || fitting * 2 > known)
        }
        let sure = sets.first { set in
            let words = NameWords.of(set.key)
            return !Set(["deadline", "deadlines", "due", "timeouts", "expiries"]).isDisjoint(with: words)
        }
        return (sure, sets.filter { $0.key != sure?.key })
    }

    /// Adds the application's index to a cleanup, or suggests it.
    func addIndex(to cleanup: inout ProposedCleanup, _ shape: ShapeFacts, in states: [String]) {
        let (sure, others) = indexes(of: shape, in: states)
        if let sure {
            let unit = sure.scores.forms.first == "Unix s" ? "s" : sure.scores.forms.first == "Unix us" ? "us" : "ms"
            let key = YAMLText.scalar(sure.key)
            cleanup.add(
                "index", unit == "ms" ? key : "{key: \(key), unit: \(unit)}",
                "\(sure.found) of \(sure.asked) members read are ids of these records, with times as scores")
            cleanup.add("scan", "1h", "also finds records that the index lacks")
        }
        for other in others where sure == nil {
            cleanup.suggest(
                "index", YAMLText.scalar(other.key),
                "has their ids; only if its scores are deadlines that nothing else needs, since Curfew moves them")
        }
    }

    /// Adds a rule for ids where keys of other records begin in the same way.
    func addOnly(to cleanup: inout ProposedCleanup, _ shape: ShapeFacts) {
        let isShadowed = findings.shapes.contains { other in
            other.template != shape.template && other.type == shape.type
                && other.shape.suffix(after: shape.shape) != nil
        }
        guard isShadowed, shape.shape.steps.last?.word == nil, let separator = shape.shape.steps.last?.separator,
            let sign = separator.last, ":/|#".contains(sign)
        else { return }
        cleanup.add("only", "{id: \"[^\(sign)]+\"}", "without the keys that have more behind the id")
    }

    /// The link of a record that shows that somebody works on it; those with evidence first.
    func alive(of shape: ShapeFacts) -> FieldLink? {
        findings.links(from: shape).filter(LinkSearch.isAlive).max { $0.found < $1.found }
    }

    /// Adds the key that shows that somebody works on a record.
    func addAlive(to cleanup: inout ProposedCleanup, _ shape: ShapeFacts) {
        guard let link = alive(of: shape) else { return }
        let note =
            link.found > 0
            ? "\(link.found) of \(link.asked) values of \(YAMLText.comment(link.field)) have such a key"
            : "by its name: none of \(link.asked) values of \(YAMLText.comment(link.field)) has such a key just now"
        cleanup.add("alive", YAMLText.scalar(link.template), note)
    }

    /// Adds the zone of times without one as a suggestion.
    func addZone(to cleanup: inout ProposedCleanup, _ facts: RecordFacts, _ fields: [String]) {
        let zoneless = fields.compactMap(facts.field).first { $0.withoutZone > 0 }
        guard let zoneless else { return }
        cleanup.suggest(
            "zone", "UTC", "\(YAMLText.comment(zoneless.name)) names no zone: if it isn't UTC, name the zone here")
    }
}
