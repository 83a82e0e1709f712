internal import Policies

extension GapRule {
    /// Reads `only` and `except`: patterns for the content of `<id>`.
    init(_ section: Section) {
        self.init(only: Self.patterns("only", section), except: Self.patterns("except", section))
    }

    private static func patterns(_ key: String, _ section: Section) -> [GapPattern] {
        guard let inner = section.section(key) else { return [] }
        inner.expect(["id"])
        if !inner.has("id") { inner.problem("id", "missing, expected a text or a list of texts") }
        return inner.patterns("id")
    }
}

extension Section {
    /// Patterns for what a gap holds.
    func patterns(_ key: String) -> [GapPattern] {
        (texts(key) ?? []).compactMap { text in
            // As people write it who mean all.
            if text == "*" { return nil }
            do {
                return try GapPattern(text)
            } catch {
                problem(key, "\(quoted(text, of: key)) is not a pattern: \(error)")
                return nil
            }
        }
    }
}
