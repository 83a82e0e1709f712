internal import Policies

extension Section {
    /// How old a record may become: a time, or a section that names the field in which each record says its own.
    func timeLimit(_ key: String, isRequired: Bool = false, mayBeZero: Bool = false) -> TimeLimit? {
        guard let entry = entry(key), case .section = entry.value.content else {
            return duration(key, isRequired: isRequired, mayBeZero: mayBeZero).map { TimeLimit($0) }
        }
        guard let section = section(key) else { return nil }
        section.expect(["field", "unit", "default"])
        let field = section.text("field", isRequired: true, expected: "the name of a field")
        let unit = section.choice("unit", isRequired: true, SpanUnit.allCases)
        let general = section.duration("default")
        guard let field, let unit else { return nil }
        let own = TimeLimit.Own(field: field, unit: unit, isRequired: !section.has("default"))
        return TimeLimit(general ?? TimeLimit.unknown, own: own)
    }

    /// The rules of each type in a section: `by` is the field with the type, each other key is a type with its rules.
    ///
    /// - Parameter rules: reads those of one type; nil where they have a problem.
    func rulesByType<Rules>(_ rules: (Section, String) -> Rules?) -> (by: String, byType: [String: Rules])? {
        let by = text("by", isRequired: true, expected: "the name of a field")
        let types = entries.map(\.key).filter { $0 != "by" }
        if types.isEmpty {
            problems.add(line: line, path: path, "has no type, expected one like TIER_4K: {timeout: 20m}")
        }
        var byType: [String: Rules] = [:]
        for type in types { byType[type] = rules(self, type) }
        return by.map { ($0, byType) }
    }

    /// Reports types that two sections of a cleanup have times for, and sections that go by different fields.
    func checkTypes(_ other: String, by: String?, _ types: some Collection<String>) {
        guard let section = section(other), let by else { return }
        let own = section.text("by")
        if let own, own != by {
            problem(other, "goes by \(quoted(own, of: "by")), and types by “\(by)”: expected the same field")
        }
        for type in types where section.has(type) {
            problem(other, "“\(type)” has a time in types too, expected one of them")
        }
    }
}

extension TimesByType {
    /// `by` is the field with the type; each other key is a type.
    init?(_ section: Section) {
        let by = section.text("by", isRequired: true, expected: "the name of a field")
        let types = section.entries.map(\.key).filter { $0 != "by" }
        if types.isEmpty {
            section.problems.add(
                line: section.line, path: section.path, "has no type, expected one like TIER_4K: 20m")
        }
        var byType: [String: Duration] = [:]
        for type in types { byType[type] = section.duration(type) }
        guard let by else { return nil }
        self.init(by: by, byType: byType)
    }
}

extension TimesByType {
    /// `types` of a policy that has nothing but a time by type, in that key; a time alone is that time.
    init?(_ section: Section, in key: String) {
        let rules = section.rulesByType { section, type -> TimeLimit? in
            guard let entry = section.entry(type), case .section = entry.value.content else {
                return section.duration(type).map { TimeLimit($0) }
            }
            guard let inner = section.section(type) else { return nil }
            inner.expect([key])
            return inner.timeLimit(key, isRequired: true)
        }
        guard let rules else { return nil }
        self.init(by: rules.by, byType: rules.byType)
    }

    /// The times of two sections; nil where there is neither.
    init?(_ one: TimesByType?, and other: TimesByType?) {
        guard let first = one ?? other else { return nil }
        self.init(by: first.by, byType: (one?.byType ?? [:]).merging(other?.byType ?? [:]) { first, _ in first })
    }
}
