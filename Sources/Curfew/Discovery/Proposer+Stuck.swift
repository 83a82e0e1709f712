internal import Policies

extension Proposer {
    /// Records on which nobody works any more.
    func stuck(_ shape: ShapeFacts, _ facts: RecordFacts, _ status: String) -> ProposedCleanup? {
        let active = facts.states(.active)
        guard !active.isEmpty else { return nil }
        let noun = NameWords.plural(shape.shape.noun)
        var cleanup = ProposedCleanup(Self.name("stuck", noun), "stuck", shape, every: "5m")
        cleanup.addStatus(status)
        cleanup.add("states", YAMLText.list(active))
        let since = Self.starts(facts, in: active)
        if since.isEmpty {
            cleanup.doubt = "no field of these records says when work on one began"
            cleanup.add("since", "[startedAt]")
        } else {
            let isCreated = since.allSatisfy { facts.roles[$0] == .created }
            cleanup.add(
                "since", YAMLText.list(since),
                isCreated
                    ? "when it was made: the time that it waited counts too" : Self.ages(facts, since, findings.now))
        }
        for beat in facts.times(.heartbeat).prefix(1) { cleanup.add("heartbeat", YAMLText.scalar(beat.name)) }
        addTimeout(to: &cleanup, facts)
        addAlive(to: &cleanup, shape)
        let failed = facts.states(.failed).first { NameWords.of($0).contains { $0.hasPrefix("fail") } }
        cleanup.add(
            "to", YAMLText.scalar(failed ?? StateWords.word("failed", like: active)),
            failed == nil ? "a guess: no record read is in such a state" : nil)
        addWrites(to: &cleanup, facts)
        addIndex(to: &cleanup, shape, in: active)
        addOnly(to: &cleanup, shape)
        addZone(to: &cleanup, facts, since)
        addChanges(to: &cleanup, shape, facts, active)
        return cleanup
    }

    /// Adds what the application itself calls the fields that are written when a record ends.
    private func addWrites(to cleanup: inout ProposedCleanup, _ facts: RecordFacts) {
        let ended = facts.states.filter(\.kind.isFinal).map(\.text)
        let fields = [
            ("finished", facts.times(.end).first { facts.filled($0.name, in: ended) > 0 }),
            ("error", facts.fields(.error).first { facts.filled($0.name, in: ended) > 0 }),
        ]
        let written = fields.compactMap { key, field in field.map { "\(key): \(YAMLText.scalar($0.name))" } }
        if !written.isEmpty {
            cleanup.add("writes", "{\(written.joined(separator: ", "))}", "as the records have them that have ended")
        }
    }

    /// What else a stuck record may need: retries, a result that shows that it had finished, a refund.
    private func addChanges(
        to cleanup: inout ProposedCleanup, _ shape: ShapeFacts, _ facts: RecordFacts, _ active: [String]
    ) {
        for field in facts.fields(.result) where facts.filled(field.name, in: active) > 0 {
            let count = facts.filled(field.name, in: active)
            cleanup.suggest(
                "completed-when", YAMLText.scalar(field.name),
                "\(count) of \(facts.count(in: active)) in these states have it: finished and never marked?")
        }
        if let attempts = facts.fields(.attempts).first(where: { $0.isNumber }) {
            let queued = facts.states(.waiting).first ?? StateWords.word("queued", like: active)
            let queue = findings.registries(of: shape).first { $0.type == "list" && !$0.key.contains("<") }?.key
            cleanup.suggest(
                "retry",
                "{limit: 3, to: \(YAMLText.scalar(queued)), queue: \(YAMLText.scalar(queue ?? "queue")), "
                    + "attempts: \(YAMLText.scalar(attempts.name))}",
                queue == nil ? "where the application queues ids wasn't found" : nil)
        }
        addRegistry(to: &cleanup, shape)
        addRefund(to: &cleanup, shape, facts)
    }

    /// The refund of what a record cost, where the balance of its owner is found.
    private func addRefund(to cleanup: inout ProposedCleanup, _ shape: ShapeFacts, _ facts: RecordFacts) {
        guard let amount = facts.fields(.amount).first(where: \.isNumber) else { return }
        let balance = findings.links(from: shape).first { link in
            guard link.found * 2 > link.asked, let target = findings.shape(link.to), let texts = target.texts else {
                return false
            }
            return texts.isNumber
        }
        guard let balance else { return }
        let ledger = balance.template.replacing(/[^:\/<>{}]+$/, with: "refunds")
        guard ledger != balance.template else { return }
        let refund =
            "{amount: \(YAMLText.scalar(amount.name)), balance: \(YAMLText.quoted(balance.template)), "
            + "ledger: \(YAMLText.quoted(ledger))}"
        let note = "\(balance.found) of \(balance.asked) balances are there; the ledger is Curfew's own"
        if amount.wholes == amount.numbers, YAMLText.scalar(balance.template) != "" {
            cleanup.add("refund", refund, note)
        } else {
            cleanup.suggest("refund", refund, note)
        }
    }

    /// Adds how long a record may take.
    func addTimeout(to cleanup: inout ProposedCleanup, _ facts: RecordFacts) {
        if let timeout = Self.timeout(beyond: facts.durations), let longest = facts.durations.first {
            cleanup.add(
                "timeout", timeout.text,
                "those that ended took up to \(longest.roughText): more than the longest job may take")
        } else {
            cleanup.add("timeout", "15m", "a guess: it must be more than the longest job may take")
        }
        guard let type = facts.fields(.type).first(where: { !$0.isVaried && (2...8).contains($0.values.count) }) else {
            return
        }
        let first = type.values.map(\.text).filter { !$0.isEmpty }.sorted().first ?? "TYPE"
        cleanup.suggest(
            "timeouts", "{by: \(YAMLText.scalar(type.name)), \(YAMLText.scalar(first)): 1h}",
            "its values: \(type.values.map { YAMLText.comment($0.text, atMost: 20) }.joined(separator: ", "))")
    }

    /// The fields that tell when work on a record began, the best first.
    static func starts(_ facts: RecordFacts, in states: [String]) -> [String] {
        let roles: [FieldRole] = [.start, .updated, .created]
        let found = roles.flatMap { facts.times($0) }.filter { states.isEmpty || facts.filled($0.name, in: states) > 0 }
        let named = found.filter { facts.roles[$0.name] != .created }
        return (named.isEmpty ? found : named).prefix(3).map(\.name)
    }

    /// How old records are by a field, in words.
    static func ages(_ facts: RecordFacts, _ since: [String], _ now: Timestamp) -> String? {
        guard let field = since.first.flatMap(facts.field), let earliest = field.earliest, let latest = field.latest
        else { return nil }
        let form = field.forms.joined(separator: ", ")
        return "\(form), from \((now - earliest).roughText) to \((now - latest).roughText) ago"
    }
}
