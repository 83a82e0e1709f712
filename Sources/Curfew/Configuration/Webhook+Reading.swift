internal import Policies

extension Webhook {
    /// Each webhook has its own connection to Redis.
    private static let most = 16

    /// Reads the section of all webhooks.
    static func all(_ list: Section) -> [Webhook] {
        if list.entries.count > most {
            list.problems.add(
                line: list.line, path: list.path, "expected at most \(most) webhooks, found \(list.entries.count)")
        }
        return list.entries.prefix(most).compactMap { Webhook($0, in: list) }
    }

    /// Reads a webhook; nil if it has a problem.
    private init?(_ entry: YAMLNode.Entry, in list: Section) {
        NameRule.check(entry, in: list)
        let path = list.path(of: entry.key)
        guard let section = Section(entry.value, path: path, line: entry.line, list.problems) else { return nil }
        section.expect(["url", "secret", "on", "timeout", "tries"])
        let address = section.address("url", isRequired: true)
        let secret = section.secret("secret").map(Secret.init)
        let subjects = Self.subjects(section)
        let timeout = section.duration("timeout", atLeast: .milliseconds(100))
        let tries = section.integer("tries", in: 1...100)
        if let timeout, timeout > .seconds(300) { section.problem("timeout", "expected at most 5m") }
        guard let address, let subjects else { return nil }
        self.init(name: entry.key, address: address, secret: secret, subjects: subjects)
        self.timeout = timeout ?? self.timeout
        self.tries = tries ?? self.tries
    }

    private static func subjects(_ section: Section) -> [Subject]? {
        guard let words = section.texts("on", isRequired: true) else { return nil }
        let known = Subject.allCases.map(\.rawValue)
        for word in words where !known.contains(word) {
            section.problem("on", section.unknown(section.quoted(word, of: "on"), word, known))
        }
        return Subject.allCases.filter { words.contains($0.rawValue) }
    }
}
