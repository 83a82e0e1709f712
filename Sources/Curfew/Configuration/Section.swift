internal import Policies

/// A section of the file that is being read: returns the values of keys and reports their problems.
///
/// Every reader returns nil if the key is absent or wrong. A wrong key is reported, and so is an absent one that is
/// required.
struct Section {
    /// The key of the section with its parents.
    let path: String
    /// The line where it begins.
    let line: Int
    let entries: [YAMLNode.Entry]
    /// Where each key is, in a section that is too long to be searched for each of them.
    private let places: [String: Int]?
    let problems: ProblemList
    /// The rules for key templates in it.
    var templates = TemplateRules()
    /// The policies that a cleanup may have.
    var policies: [any ConfiguredPolicy.Type] = builtInPolicies

    /// Creates a section from a node; nil if the node isn't a section.
    ///
    /// An empty key (`alerts:`) is an empty section, since its content is often commented out.
    init?(_ node: YAMLNode, path: String, line: Int, _ problems: ProblemList) {
        switch node.content {
        case .section(let entries): self.entries = entries
        case .nothing: entries = []
        case .unreadable: return nil
        case .scalar, .list:
            problems.add(line: line, path: path, "expected a section, found \(node.noun)")
            return nil
        }
        places =
            entries.count < 32
            ? nil : Dictionary(entries.enumerated().map { ($1.key, $0) }) { first, _ in first }
        self.path = path
        self.line = line
        self.problems = problems
    }

    /// The path of a key in this section.
    func path(of key: String) -> String {
        path.isEmpty ? key : "\(path).\(key)"
    }

    /// Reports a problem with a key, at its own line or, if it is absent, at that of the section.
    func problem(_ key: String, _ message: String) {
        problems.add(line: entry(key)?.line ?? line, path: path(of: key), message)
    }

    /// The entry of a key.
    func entry(_ key: String) -> YAMLNode.Entry? {
        if let places { return places[key].map { entries[$0] } }
        return entries.first { $0.key == key }
    }

    /// Whether a key has a value; a value that the environment leaves empty doesn't count.
    func has(_ key: String) -> Bool {
        guard let entry = entry(key) else { return false }
        if case .scalar(let scalar) = entry.value.content { return !scalar.isVoid }
        return true
    }

    /// Whether a key is present with an empty text.
    func isEmptyText(_ key: String) -> Bool {
        guard case .scalar(let scalar) = entry(key)?.value.content else { return false }
        return scalar.text.isEmpty
    }

    /// Reports every unknown key.
    func expect(_ known: [String]) {
        for entry in entries where !known.contains(entry.key) {
            problems.add(line: entry.line, path: path(of: entry.key), unknown("key", entry.key, known))
        }
    }

    /// Reports an unknown key if it is similar to a known one.
    func misspelt(_ entry: YAMLNode.Entry, among known: [String]) {
        guard let guess = Spelling.nearest(to: entry.key, among: known) else { return }
        problems.add(line: entry.line, path: path(of: entry.key), "unknown key, did you mean “\(guess)”?")
    }

    /// A message that a word is unknown, with a suggestion.
    func unknown(_ noun: String, _ word: String, _ known: [String]) -> String {
        let guess = Spelling.nearest(to: word, among: known).map { ", did you mean “\($0)”?" } ?? ""
        return "unknown \(noun)\(guess) (expected one of \(known.joined(separator: ", ")))"
    }

    /// Whether a key's value contains expanded variables.
    func isExpanded(_ key: String) -> Bool {
        if case .scalar(let scalar)? = entry(key)?.value.content { scalar.isExpanded } else { false }
    }

    /// A value of a key, or of its list, for messages: as the file writes it, since the environment has secrets.
    func quoted(_ text: String, of key: String) -> String {
        var nodes = entry(key).map { [$0.value] } ?? []
        if case .list(let items)? = nodes.first?.content { nodes = items }
        for node in nodes {
            if case .scalar(let scalar) = node.content, scalar.text == text { return "“\(scalar.written)”" }
        }
        return "“\(text.withoutCredentials)”"
    }

    /// A section inside this one.
    func section(_ key: String, isRequired: Bool = false) -> Section? {
        guard let entry = entry(key) else {
            if isRequired { problem(key, "missing, expected a section") }
            return nil
        }
        return inner(entry.value, key, line: entry.line)
    }

    /// A section under a key of this one, with the same rules.
    func inner(_ node: YAMLNode, _ key: String, line: Int) -> Section? {
        var section = Section(node, path: path(of: key), line: line, problems)
        section?.templates = templates
        section?.policies = policies
        return section
    }

    /// A single value of any kind; `expected` describes it for messages.
    ///
    /// A value that the environment leaves empty (`${NAME:-}`) counts as absent.
    func scalar(_ key: String, isRequired: Bool = false, expected: String) -> YAMLNode.Scalar? {
        guard let entry = entry(key) else {
            if isRequired { problem(key, "missing, expected \(expected)") }
            return nil
        }
        switch entry.value.content {
        case .scalar(let scalar) where scalar.isVoid:
            if isRequired { problem(key, "\(entry.value.noun) is empty, expected \(expected)") }
            return nil
        case .scalar(let scalar):
            return scalar
        case .unreadable:
            return nil
        case .nothing, .list, .section:
            problem(key, "expected \(expected), found \(entry.value.noun)")
            return nil
        }
    }

    /// A value converted by a function, which returns nil if the text is invalid.
    func value<Value>(
        _ key: String, isRequired: Bool = false, expected: String, _ make: (String) -> Value?
    ) -> Value? {
        guard let scalar = scalar(key, isRequired: isRequired, expected: expected) else { return nil }
        if let value = make(scalar.text) { return value }
        problem(key, "expected \(expected), found “\(scalar.written)”")
        return nil
    }
}
