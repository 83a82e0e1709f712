internal import Policies

extension Proposer {
    /// Locks that nobody holds any more.
    func lock(_ shape: ShapeFacts) -> ProposedCleanup {
        let noun = shape.shape.noun
        let isOwnWord = LockWords.all.contains(noun)
        let name = isOwnWord ? Self.name("old", NameWords.plural(noun)) : Self.name("", noun, "locks")
        var cleanup = ProposedCleanup(name, "locks", shape, every: "5m")
        if let facts = shape.records {
            let since = [FieldRole.start, .created, .updated].flatMap { facts.times($0) }.map(\.name)
            if !since.isEmpty {
                cleanup.add("since", YAMLText.list(Array(since.prefix(2))), Self.ages(facts, since, findings.now))
            } else if shape.isJSON {
                cleanup.doubt = "no field says when such a lock was taken"
                cleanup.add("since", "[acquiredAt]")
            }
            addZone(to: &cleanup, facts, since)
        }
        cleanup.add("timeout", "1h", "a guess: more than anybody may hold one")
        addAlive(to: &cleanup, shape)
        if shape.expires {
            cleanup.doubt =
                "\(shape.expiring) of \(shape.sampled) read expire by themselves, so there is probably nothing to do"
        }
        return cleanup
    }

    /// Groups of tasks whose counters have to be right.
    func counters(_ shape: ShapeFacts, _ facts: RecordFacts, _ status: String) -> ProposedCleanup? {
        func field(_ role: FieldRole) -> String? { facts.fields(role).first { $0.isNumber }?.name }
        guard let total = field(.total), let failed = field(.failed) else { return nil }
        let states = facts.states(.active, .waiting)
        guard !states.isEmpty else { return nil }
        let counted: String
        if let queued = field(.queued), let processing = field(.processing), let completed = field(.completed) {
            counted =
                "{queued: \(YAMLText.scalar(queued)), processing: \(YAMLText.scalar(processing)), "
                + "completed: \(YAMLText.scalar(completed)), failed: \(YAMLText.scalar(failed))}"
        } else if let pending = field(.queued), field(.completed) == nil {
            counted = "{pending: \(YAMLText.scalar(pending)), failed: \(YAMLText.scalar(failed))}"
        } else {
            return nil
        }
        let name = Self.name("stuck", NameWords.plural(shape.shape.noun))
        var cleanup = ProposedCleanup(name, "counters", shape, every: "30m")
        cleanup.addStatus(status)
        cleanup.add("states", YAMLText.list(states))
        let since = [FieldRole.updated, .start, .created].flatMap { facts.times($0) }.map(\.name)
        guard !since.isEmpty else { return nil }
        cleanup.add("since", YAMLText.list(Array(since.prefix(2))), Self.ages(facts, since, findings.now))
        cleanup.add("timeout", "1h", "a guess: after that a group is looked at")
        cleanup.add("total", YAMLText.scalar(total))
        cleanup.add("counters", counted)
        if StateWords.word("completed", like: states) != "completed" {
            cleanup.add("completed-to", StateWords.word("completed", like: states))
            cleanup.add("failed-to", StateWords.word("failed", like: states))
        }
        addMembers(to: &cleanup, shape)
        addZone(to: &cleanup, facts, since)
        addOnly(to: &cleanup, shape)
        return cleanup
    }

    /// The tasks of a group, where a list or set beside it has their ids.
    private func addMembers(to cleanup: inout ProposedCleanup, _ shape: ShapeFacts) {
        let member = findings.registries.first { registry in
            guard let place = findings.shape(registry.key) else { return false }
            return place.shape.suffix(after: shape.shape) != nil && ["set", "list", "zset"].contains(registry.type)
                && findings.shape(registry.record)?.records?.status != nil
        }
        guard let member, let task = findings.shape(member.record), let facts = task.records, let status = facts.status
        else { return }
        var parts = [
            "\(member.type): \(YAMLText.quoted(member.key))", "record: \(YAMLText.quoted(member.record))",
            "status: \(YAMLText.scalar(status))",
        ]
        if task.isJSON { parts.append("format: json") }
        let kinds: [(String, [String])] = [
            ("queued", facts.states(.waiting)), ("processing", facts.states(.active)),
            ("completed", facts.states(.completed)), ("failed", facts.states(.failed)),
        ]
        parts += kinds.filter { !$0.1.isEmpty }.map { "\($0.0): \(YAMLText.list($0.1))" }
        cleanup.add(
            "members", "{\(parts.joined(separator: ", "))}",
            "\(member.found) of \(member.asked) members read are such records")
    }

    /// Records that wait for a person.
    func paused(_ shape: ShapeFacts, _ facts: RecordFacts, _ status: String) -> ProposedCleanup? {
        let states = facts.states(.paused)
        guard !states.isEmpty else { return nil }
        let since = [FieldRole.paused, .updated, .created].flatMap { facts.times($0) }
            .filter { facts.filled($0.name, in: states) > 0 }.map(\.name)
        guard let first = since.first else { return nil }
        let name = Self.name("paused", NameWords.plural(shape.shape.noun))
        var cleanup = ProposedCleanup(name, "paused", shape, every: "1h")
        cleanup.addStatus(status)
        cleanup.add("states", YAMLText.list(states))
        cleanup.add("since", YAMLText.list([first]), Self.ages(facts, since, findings.now))
        cleanup.add("stale", "7d")
        cleanup.add("warn", "23d")
        cleanup.add("timeout", "30d", "then it is ended")
        let ended = facts.states(.failed).first { NameWords.of($0).contains { $0.hasPrefix("cancel") } }
        cleanup.add("to", YAMLText.scalar(ended ?? StateWords.word("cancelled", like: states)))
        addIndex(to: &cleanup, shape, in: states)
        addOnly(to: &cleanup, shape)
        addZone(to: &cleanup, facts, [first])
        return cleanup
    }

    /// Records that wait for another record.
    func dependent(_ shape: ShapeFacts, _ facts: RecordFacts, _ status: String) -> ProposedCleanup? {
        let waiting = facts.states(.waiting)
        guard !waiting.isEmpty else { return nil }
        let since = [FieldRole.updated, .created].flatMap { facts.times($0) }
            .filter { facts.filled($0.name, in: waiting) > 0 }.map(\.name)
        let parents = findings.links(from: shape).compactMap { link -> (FieldLink, ShapeFacts, RecordFacts)? in
            guard let parent = findings.shape(link.to), !parent.isJSON, parent.template != shape.template,
                let facts = parent.records, facts.status != nil, !facts.states(.active, .waiting).isEmpty
            else { return nil }
            return (link, parent, facts)
        }
        guard let (link, parent, parentFacts) = parents.max(by: { $0.0.found < $1.0.found }), !since.isEmpty,
            let parentStatus = parentFacts.status
        else { return nil }
        let name = Self.name("stuck", NameWords.plural(shape.shape.noun))
        var cleanup = ProposedCleanup(name, "dependent", shape, every: "5m")
        cleanup.addStatus(status)
        cleanup.add("states", YAMLText.list(waiting))
        cleanup.add("since", YAMLText.list(Array(since.prefix(2))), Self.ages(facts, since, findings.now))
        cleanup.add("grace", "5m")
        cleanup.add(
            "parent", YAMLText.scalar(link.template),
            "\(link.found) of \(link.asked) values of \(YAMLText.comment(link.field)) have such a record")
        let seen = parentFacts.states(.active, .waiting, .paused)
        let usual = ["queued", "pending", "running", "processing"].map { StateWords.word($0, like: seen) }
        cleanup.add(
            "parent-states", YAMLText.list(seen + usual.filter { !seen.contains($0) }),
            "seen: \(seen.map { YAMLText.comment($0) }.joined(separator: ", ")); the others are guesses")
        if parentStatus != status { cleanup.add("parent-status", YAMLText.scalar(parentStatus)) }
        let failed = facts.states(.failed).first
        cleanup.add(
            "to", YAMLText.scalar(failed ?? StateWords.word("failed", like: waiting)),
            failed == nil ? "a guess: what a \(parent.shape.noun) that is gone makes of it" : nil)
        addIndex(to: &cleanup, shape, in: waiting)
        addOnly(to: &cleanup, shape)
        addZone(to: &cleanup, facts, since)
        return cleanup
    }
}
