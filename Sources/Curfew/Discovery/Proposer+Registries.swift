internal import Policies
internal import RedisClient

extension Proposer {
    /// What registries are called whose members somebody works on.
    private static let working: Set = [
        "active", "processing", "wip", "inflight", "flight", "working", "unacked", "reserved", "running", "busy",
        "claimed", "started", "progress", "doing",
    ]

    /// The registries of a shape in which its records stand while somebody works on them.
    func working(of shape: ShapeFacts) -> [RegistryFacts] {
        findings.registries(of: shape).filter { !Self.working.isDisjoint(with: NameWords.of($0.key)) }
    }

    /// Adds that a change also takes a record out of the registry of those that are worked on.
    func addRegistry(to cleanup: inout ProposedCleanup, _ shape: ShapeFacts) {
        for registry in working(of: shape) where registry.member == "<id>" && !registry.key.contains("<") {
            cleanup.suggest(
                "take", "[{from: \(YAMLText.scalar(registry.key)), member: \"<id>\"}]",
                "\(registry.found) of \(registry.asked) members read are ids of these records")
        }
    }

    /// Records that say nothing of their state, and stand in a registry while somebody works on them.
    func registered(_ shape: ShapeFacts, _ facts: RecordFacts) -> ProposedCleanup? {
        guard let registry = working(of: shape).first else { return nil }
        let noun = NameWords.plural(shape.shape.noun)
        var cleanup = ProposedCleanup(Self.name("stuck", noun), "stuck", shape, every: "5m", in: registry)
        let since = Self.starts(facts, in: [])
        if registry.scores.isTime {
            cleanup.add(
                "since", "[\"<score>\"]", "the scores are times: \(registry.scores.forms.joined(separator: ", "))")
        } else if since.isEmpty {
            cleanup.add("since", "[\"<seen>\"]", "nothing says when work on it began: counted from the first look")
        } else {
            cleanup.add("since", YAMLText.list(since), Self.ages(facts, since, findings.now))
        }
        for beat in facts.times(.heartbeat).prefix(1) { cleanup.add("heartbeat", YAMLText.scalar(beat.name)) }
        addTimeout(to: &cleanup, facts)
        addAlive(to: &cleanup, shape)
        let queue = findings.registries(of: shape).first { $0.type == "list" && $0.key != registry.key }?.key
        let waiting = YAMLText.quoted((queue ?? "queue").readable)
        cleanup.add(
            "retry", "{limit: 2, put: [{to: \(waiting), at: tail, kind: list}]}",
            queue == nil ? "where the application queues ids wasn't found" : "a guess: its queue")
        cleanup.add(
            "fail", "{put: [{to: \(YAMLText.quoted(registry.key.readable + ":failed")), kind: list}]}",
            "a guess: where the application looks for what failed")
        cleanup.doubt = "what becomes of a stuck \(YAMLText.comment(shape.shape.noun)) isn't in the data"
        return cleanup
    }
}
