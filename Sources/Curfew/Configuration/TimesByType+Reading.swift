internal import Policies

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
