internal import Policies

extension Section {
    /// What a record's age counts from: a field, a list of fields, or a section with the rule.
    func start(_ key: String, isRequired: Bool = false) -> Start? {
        guard let entry = entry(key), case .section = entry.value.content else {
            return texts(key, isRequired: isRequired).map { Start($0) }
        }
        guard let section = section(key) else { return nil }
        section.expect(["latest", "sum", "unit"])
        if section.entry("latest") == nil {
            guard section.entry("sum") != nil else {
                problem(key, "expected fields, or a section with latest or sum")
                return nil
            }
            return section.sum()
        }
        for other in ["sum", "unit"] where section.entry(other) != nil {
            section.problem(other, "can't be used together with latest")
        }
        return section.distinct("latest").map { Start($0, .latest) }
    }

    /// A time and delays that are added to it.
    private func sum() -> Start? {
        let fields = distinct("sum")
        let unit = choice("unit", isRequired: true, SpanUnit.allCases)
        guard let fields, let unit else { return nil }
        return Start(fields, .sum(unit: unit))
    }

    /// The names of two or more fields, none twice.
    private func distinct(_ key: String) -> [String]? {
        guard let fields = texts(key, isRequired: true) else { return nil }
        guard fields.count > 1, Set(fields).count == fields.count else {
            problem(key, "expected the names of two or more fields, none twice")
            return nil
        }
        return fields
    }
}
