internal import Policies

/// The text of a proposal: the evidence as comments before each cleanup.
struct ProposalText {
    private let findings: Findings
    private(set) var text = ""
    private var hasCleanups = false

    init(_ findings: Findings) { self.findings = findings }

    /// The heading: what was looked at, and where Redis is.
    mutating func begin(_ redis: String) {
        let scanned = YAMLText.grouped(findings.scanned)
        text += "# Proposed by “curfew discover” after a look at \(scanned) keys"
        if !findings.isComplete { text += " of \(YAMLText.grouped(findings.keys)); the others may be of other kinds" }
        text +=
            ".\n# The times are guesses, and each cleanup is a dry run. Look at each with “curfew preview NAME”, then\n"
        text += "# remove its dry-run. What is uncertain is a comment.\n\n"
        text += redis + "\n"
        if findings.omitted > 0 {
            text +=
                "\n# \(YAMLText.grouped(findings.omitted)) further kinds of keys were left out: rare ones, and names "
            text += "that no template can have.\n"
        }
    }

    /// The line of presets, a comment where it can't be read.
    mutating func add(_ presets: String, out reason: String?) {
        text += "\n"
        for system in findings.systems {
            let marks = system.marks.map { YAMLText.comment($0, atMost: 60) }.joined(separator: ", ")
            text += "# \(system.name): \(YAMLText.grouped(system.keys)) keys, among them \(marks)\n"
        }
        text +=
            "# What the preset does: “curfew config show”. Its timeout has to be more than the longest job may take.\n"
        if let reason { text += "# In doubt: \(reason)\n# " }
        text += presets + "\n"
    }

    /// The cleanups, each after the evidence of its records.
    mutating func add(_ cleanups: [ProposedCleanup], out reasons: [String: String]) {
        let active = cleanups.filter { $0.doubt == nil && reasons[$0.name] == nil }
        for storage in Set(active.compactMap(\.storage)).sorted() { text += "\n" + Self.storage(storage) }
        text += "\ncleanups:\n"
        if cleanups.isEmpty { text += "  # Nothing was found that looks like background work.\n" }
        var last: String?
        for cleanup in cleanups {
            if cleanup.records != last, let shape = findings.shape(cleanup.records) {
                if last != nil { text += "\n" }
                text += evidence(of: shape)
            }
            last = cleanup.records
            text += cleanup.text(out: reasons[cleanup.name])
        }
    }

    /// A storage whose address isn't known.
    static func storage(_ name: String) -> String {
        """
        storage:
          \(name):  # a placeholder: where the objects are isn't in Redis
            endpoint: "${S3_ENDPOINT:-http://127.0.0.1:1}"
            bucket: "${S3_BUCKET:-\(name)}"
            access-key: "${S3_ACCESS_KEY:-none}"
            secret-key: "${S3_SECRET_KEY:-none}"

        """
    }

    /// What speaks for the cleanups of a shape.
    private func evidence(of shape: ShapeFacts) -> String {
        var lines = [
            "\(YAMLText.comment(shape.template, atMost: 100)): about \(YAMLText.grouped(shape.count)) "
                + "\(Self.noun(shape)), \(shape.sampled) read"
                + (shape.expiring > 0 ? ", \(shape.expiring) of these expire by themselves" : "")
        ]
        if let facts = shape.records {
            for field in facts.fields.prefix(16) { lines.append("  " + Self.evidence(of: field, facts, findings.now)) }
            if facts.fields.count > 16 { lines.append("  and \(facts.fields.count - 16) further fields") }
        } else if let texts = shape.texts, let example = texts.values.first {
            lines.append("  values like \(YAMLText.comment(example.text))")
        }
        for link in findings.links(from: shape) where link.found > 0 {
            lines.append(
                "  \(YAMLText.comment(link.field)) stands in \(YAMLText.comment(link.template, atMost: 80)): "
                    + "\(link.found) of \(link.asked)")
        }
        for registry in findings.registries(of: shape) {
            lines.append("  \(Self.evidence(of: registry))")
        }
        return lines.map { "  # \($0)\n" }.joined()
    }

    private static func evidence(of field: FieldFacts, _ facts: RecordFacts, _ now: Timestamp) -> String {
        let role = facts.roles[field.name] ?? .other
        var parts = ["\(YAMLText.comment(field.name))\(role == .other ? "" : " (\(role.rawValue))")"]
        parts.append("in \(YAMLText.share(field.filled, of: facts.sampled))")
        if role == .status {
            parts.append(
                facts.states.prefix(8).map {
                    "\(YAMLText.comment($0.text, atMost: 30)) \(YAMLText.share($0.count, of: facts.sampled))"
                }.joined(separator: ", "))
        } else if field.isTime, let earliest = field.earliest, let latest = field.latest {
            let span = [earliest, latest].map { time in
                time > now ? "in \((time - now).roughText)" : "\((now - time).roughText) ago"
            }
            parts.append("\(field.forms.joined(separator: " or ")), from \(span[0]) to \(span[1])")
        } else if role != .secret, let example = field.values.first {
            parts.append("like \(YAMLText.comment(example.text, atMost: 32))")
        }
        return parts.joined(separator: "; ")
    }

    private static func evidence(of registry: RegistryFacts) -> String {
        let states = registry.states.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
            .map { "\(YAMLText.comment($0.key, atMost: 20)) \($0.value)" }.joined(separator: ", ")
        return "\(registry.type) \(YAMLText.comment(registry.key, atMost: 80)) has their ids: \(registry.found) of "
            + "\(registry.asked)" + (states.isEmpty ? "" : ", in state \(states)")
    }

    private static func noun(_ shape: ShapeFacts) -> String {
        switch (shape.type, shape.isJSON) {
        case ("hash", _): "hashes"
        case ("string", true): "JSON texts"
        case ("string", false): "texts"
        case ("list", _): "lists"
        case ("set", _): "sets"
        case ("zset", _): "sorted sets"
        case ("stream", _): "streams"
        default: "keys of type \(YAMLText.comment(shape.type))"
        }
    }

    /// What was found and nothing is proposed for.
    mutating func addOthers(_ cleanups: [ProposedCleanup]) {
        let taken = Set(cleanups.map(\.records))
        let others = findings.shapes.filter { !taken.contains($0.template) }
        guard !others.isEmpty else { return }
        text += "\n# Other keys:\n"
        for shape in others.prefix(40) {
            var line =
                "\(YAMLText.comment(shape.template, atMost: 80)): \(YAMLText.grouped(shape.count)) "
                + Self.noun(shape)
            let uses =
                findings.registries.filter { $0.key == shape.template }.map { "ids of \($0.record)" }
                + findings.links.filter { $0.to == shape.template && $0.found > 0 }.map {
                    "named by \($0.field) of \($0.from)"
                }
            if !uses.isEmpty {
                line += ", " + uses.prefix(3).map { YAMLText.comment($0, atMost: 80) }.joined(separator: ", ")
            }
            if let groups = shape.members?.groups, !groups.isEmpty {
                line += ", groups " + groups.prefix(4).map { YAMLText.comment($0) }.joined(separator: ", ")
            }
            text += "#   \(line)\n"
        }
        if others.count > 40 { text += "#   and \(others.count - 40) further kinds\n" }
    }
}
