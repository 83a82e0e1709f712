internal import Policies
internal import RedisClient

extension Proposer {
    /// Ended records that have been kept long enough.
    func old(_ shape: ShapeFacts, _ facts: RecordFacts, _ status: String) -> ProposedCleanup? {
        let ended = facts.states.filter(\.kind.isFinal).map(\.text)
        guard !ended.isEmpty else { return nil }
        let since = [FieldRole.end, .updated, .created].map { role in
            facts.times(role).filter { facts.filled($0.name, in: ended) > 0 }.map(\.name)
        }
        let fields = since.first { !$0.isEmpty } ?? []
        let noun = shape.shape.noun
        var cleanup = ProposedCleanup(Self.name("old", NameWords.plural(noun)), "retention", shape, every: "1h")
        cleanup.addStatus(status)
        cleanup.add("states", YAMLText.list(ended))
        if fields.isEmpty {
            cleanup.doubt = "no field says when such a record ended"
            cleanup.add("since", "[endedAt]")
        } else {
            cleanup.add("since", YAMLText.list(Array(fields.prefix(3))), Self.ages(facts, fields, findings.now))
        }
        addRemoval(to: &cleanup, shape, facts, fields)
        addIndex(to: &cleanup, shape, in: ended)
        if Self.isKept(noun) { cleanup.doubt = "a \(noun) is probably no background work" }
        return cleanup
    }

    /// Records without a state that are old: downloads, sessions, logs.
    func oldWithoutStatus(_ shape: ShapeFacts, _ facts: RecordFacts) -> ProposedCleanup? {
        let since = [FieldRole.end, .created, .updated, .start].flatMap { facts.times($0) }
            .filter { $0.filled * 2 > facts.sampled }.map(\.name)
        guard let first = since.first else { return nil }
        let noun = shape.shape.noun
        var cleanup = ProposedCleanup(Self.name("old", NameWords.plural(noun)), "retention", shape, every: "1h")
        cleanup.add("since", YAMLText.list([first]), Self.ages(facts, since, findings.now))
        addRemoval(to: &cleanup, shape, facts, since)
        let transient: Set = [
            "download", "log", "event", "history", "audit", "visit", "notification", "report", "export", "import",
            "result", "temp", "tmp", "cache", "request", "response", "webhook", "attempt", "trace", "upload", "job",
            "task", "run", "mail", "email", "delivery", "metric", "view", "click", "preview", "render",
        ]
        if transient.isDisjoint(with: shape.shape.words.map(NameWords.singular)) {
            cleanup.doubt = "nothing says that a \(YAMLText.comment(noun)) may go when it is old"
        }
        return cleanup
    }

    /// How long records are kept, and what goes with them.
    private func addRemoval(
        to cleanup: inout ProposedCleanup, _ shape: ShapeFacts, _ facts: RecordFacts, _ since: [String]
    ) {
        cleanup.add("keep", "14d", "a guess: how long they are needed")
        let beside = findings.shapes.filter { $0.shape.suffix(after: shape.shape) != nil }.map(\.template)
        if !beside.isEmpty {
            let templates = beside.reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
            cleanup.add("also", "[" + templates.map(YAMLText.quoted).joined(separator: ", ") + "]", "go with them")
        }
        addOnly(to: &cleanup, shape)
        addZone(to: &cleanup, facts, since)
        if shape.expires {
            cleanup.doubt =
                "\(shape.expiring) of \(shape.sampled) read expire by themselves, so there is probably nothing to do"
        }
    }

    /// Uploaded files with their objects in storage.
    func files(_ shape: ShapeFacts, _ facts: RecordFacts) -> ProposedCleanup? {
        let objects = facts.fields.filter {
            $0.isObject && $0.filled * 2 > facts.sampled && facts.roles[$0.name] == .object
        }
        guard let object = objects.first else { return nil }
        let uploaded = facts.times(.created).map(\.name)
        let deleted = facts.times(.deleted).first
        let owners = facts.fields.filter { field in
            [.reference, .owner].contains(facts.roles[field.name]) && field.empty > 0
        }
        let isFile = !Set(["file", "upload", "image", "photo", "media", "attachment", "asset", "object", "blob"])
            .isDisjoint(with: shape.shape.words.map(NameWords.singular))
        // A job may name an object too: a file is something that was uploaded or deleted.
        guard isFile || (facts.status == nil && (deleted != nil || !owners.isEmpty)) else { return nil }
        var cleanup = ProposedCleanup(Self.name("", NameWords.plural(shape.shape.noun)), "files", shape, every: "1h")
        cleanup.add("enabled", "false", "until the storage below is the right one")
        if let first = uploaded.first {
            cleanup.add("since", YAMLText.list([first]), Self.ages(facts, uploaded, findings.now))
        }
        if let owner = owners.first, !uploaded.isEmpty {
            cleanup.add(
                "orphan", "{unless: \(YAMLText.scalar(owner.name)), after: 24h}",
                "\(owner.empty) of \(owner.present) read have an empty \(YAMLText.comment(owner.name))")
        }
        if let deleted {
            cleanup.add("deleted", "{since: \(YAMLText.scalar(deleted.name)), after: 7d}")
        }
        if deleted == nil, owners.isEmpty || uploaded.isEmpty {
            cleanup.doubt = "no field says that such a file is deleted, or has no owner"
            cleanup.add("orphan", "{unless: ownerId, after: 24h}")
        }
        cleanup.add("storage", "uploads")
        cleanup.storage = "uploads"
        let example = object.values.first?.text ?? ""
        if let origin = ObjectNames.origin(of: example) {
            cleanup.add(
                "object", "{field: \(YAMLText.scalar(object.name)), strip: \(YAMLText.quoted(origin.readable))}")
        } else {
            cleanup.add("object", YAMLText.scalar(object.name), "like \(YAMLText.comment(example))")
        }
        if let size = facts.fields(.size).first(where: \.isNumber) {
            cleanup.add("size", YAMLText.scalar(size.name))
        }
        addOnly(to: &cleanup, shape)
        addZone(to: &cleanup, facts, uploaded)
        return cleanup
    }
}
