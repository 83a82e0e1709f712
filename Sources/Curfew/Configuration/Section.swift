internal import Policies

/// One section of the file while it is read: answers a key's value, and notes whatever is wrong with it.
///
/// Every reader answers nil where the key is absent or wrong, and the problem is then noted unless the key may be absent.
struct Section {
    /// The key it stands under, with those that one lies under.
    let path: String
    /// The line it begins on.
    let line: Int
    let entries: [YAMLNode.Entry]
    let problems: ProblemList
    /// What the key templates below it may say.
    var templates = TemplateRules()
    /// The policies that a cleanup may have.
    var policies: [any ConfiguredPolicy.Type] = builtInPolicies

    /// Takes a node as a section; nil where it isn't one.
    ///
    /// A section that says nothing (`alerts:`) is an empty one, since it often is one whose content is commented out.
    init?(_ node: YAMLNode, path: String, line: Int, _ problems: ProblemList) {
        switch node.content {
        case .section(let entries): self.entries = entries
        case .nothing: entries = []
        case .unreadable: return nil
        case .scalar, .list:
            problems.add(line: line, path: path, "expected a section, found \(node.noun)")
            return nil
        }
        self.path = path
        self.line = line
        self.problems = problems
    }

    /// The place of a key of this section.
    func path(of key: String) -> String {
        path.isEmpty ? key : "\(path).\(key)"
    }

    /// Notes a problem with a key, at its own line or at the section's where it is absent.
    func problem(_ key: String, _ message: String) {
        problems.add(line: entry(key)?.line ?? line, path: path(of: key), message)
    }

    /// What stands under a key.
    func entry(_ key: String) -> YAMLNode.Entry? {
        entries.first { $0.key == key }
    }

    /// Whether a key says something; one that the environment leaves empty doesn't.
    func has(_ key: String) -> Bool {
        guard let entry = entry(key) else { return false }
        if case .scalar(let scalar) = entry.value.content { return !scalar.isVoid }
        return true
    }

    /// Whether a key is there and its text is empty, whoever left it so.
    func isEmptyText(_ key: String) -> Bool {
        guard case .scalar(let scalar) = entry(key)?.value.content else { return false }
        return scalar.text.isEmpty
    }

    /// Notes every key that isn't known.
    func expect(_ known: [String]) {
        for entry in entries where !known.contains(entry.key) {
            problems.add(line: entry.line, path: path(of: entry.key), unknown("key", entry.key, known))
        }
    }

    /// Says that a word is none of those known, and which one was probably meant.
    func unknown(_ noun: String, _ word: String, _ known: [String]) -> String {
        let guess = Spelling.nearest(to: word, among: known).map { ", did you mean “\($0)”?" } ?? ""
        return "unknown \(noun)\(guess) (expected one of \(known.joined(separator: ", ")))"
    }

    /// Whether something of a key's value came from the environment.
    func isExpanded(_ key: String) -> Bool {
        if case .scalar(let scalar)? = entry(key)?.value.content { scalar.isExpanded } else { false }
    }

    /// A value of a key for messages, or one of its list: as the file writes it, since the environment holds secrets.
    func quoted(_ text: String, of key: String) -> String {
        var nodes = entry(key).map { [$0.value] } ?? []
        if case .list(let items)? = nodes.first?.content { nodes = items }
        for node in nodes {
            if case .scalar(let scalar) = node.content, scalar.text == text { return "“\(scalar.written)”" }
        }
        return "“\(text.withoutCredentials)”"
    }

    /// A section inside of this one.
    func section(_ key: String, isRequired: Bool = false) -> Section? {
        guard let entry = entry(key) else {
            if isRequired { problem(key, "missing, expected a section") }
            return nil
        }
        return inner(entry.value, key, line: entry.line)
    }

    /// A section that stands under a key of this one, to which the same rules apply.
    func inner(_ node: YAMLNode, _ key: String, line: Int) -> Section? {
        var section = Section(node, path: path(of: key), line: line, problems)
        section?.templates = templates
        section?.policies = policies
        return section
    }

    /// One value of any kind; `expected` says for messages what it ought to be.
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

    /// A value that a function makes of the text; where it answers nil, the text isn't what was expected.
    func value<Value>(
        _ key: String, isRequired: Bool = false, expected: String, _ make: (String) -> Value?
    ) -> Value? {
        guard let scalar = scalar(key, isRequired: isRequired, expected: expected) else { return nil }
        if let value = make(scalar.text) { return value }
        problem(key, "expected \(expected), found “\(scalar.written)”")
        return nil
    }
}
