internal import Policies

/// What receivers of notices may refer to.
struct NoticeScope {
    /// The names of the cleanups.
    var cleanups: [String]
    /// The fields of records that cleanups copy into their events: their keys `carry`.
    var carried: [String]

    /// Reads the scope from the section of the cleanups; problems in it are reported by their own readers.
    init(_ cleanups: Section?) {
        let entries = cleanups?.entries ?? []
        self.cleanups = entries.map(\.key)
        var carried: [String] = []
        for entry in entries {
            guard case .section(let keys) = entry.value.content,
                let value = keys.first(where: { $0.key == "carry" })?.value
            else { continue }
            var nodes = [value]
            if case .list(let items) = value.content { nodes = items }
            for node in nodes {
                if case .scalar(let scalar) = node.content, !carried.contains(scalar.text) {
                    carried.append(scalar.text)
                }
            }
        }
        self.carried = carried
    }
}

extension NoticeTerms {
    /// The keys of every receiver.
    static let keys = ["on", "min-severity", "cleanups", "timeout", "tries"]

    /// Reads the terms of a receiver; nil if they have a problem.
    init?(_ section: Section, _ scope: NoticeScope) {
        let subjects = Self.subjects(section)
        let timeout = section.duration("timeout", atLeast: .milliseconds(100))
        let tries = section.integer("tries", in: 1...100)
        if let timeout, timeout > .seconds(300) { section.problem("timeout", "expected at most 5m") }
        let severity = section.choice("min-severity", AlertDefinition.Severity.allCases)
        let names = section.texts("cleanups")
        for name in names ?? [] where !scope.cleanups.contains(name) {
            section.problem("cleanups", section.unknown(section.quoted(name, of: "cleanups"), name, scope.cleanups))
        }
        guard let subjects else { return nil }
        self.init(subjects: subjects)
        self.timeout = timeout ?? self.timeout
        self.tries = tries ?? self.tries
        leastSeverity = severity ?? leastSeverity
        cleanups = names.map(Set.init)
    }

    private static func subjects(_ section: Section) -> [Webhook.Subject]? {
        guard let words = section.texts("on", isRequired: true) else { return nil }
        let known = Webhook.Subject.allCases.map(\.rawValue)
        for word in words where !known.contains(word) {
            section.problem("on", section.unknown(section.quoted(word, of: "on"), word, known))
        }
        return Webhook.Subject.allCases.filter { words.contains($0.rawValue) }
    }
}
