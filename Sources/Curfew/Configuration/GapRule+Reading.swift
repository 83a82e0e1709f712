internal import Policies

extension GapRule {
    /// Reads `only` and `except`: patterns for the content of `<id>`.
    init(_ section: Section) {
        self.init(only: Self.patterns("only", section), except: Self.patterns("except", section))
    }

    private static func patterns(_ key: String, _ section: Section) -> [GapPattern] {
        guard let inner = section.section(key) else { return [] }
        inner.expect(["id"])
        return (inner.texts("id", isRequired: true) ?? []).compactMap { text in
            do {
                return try GapPattern(text)
            } catch {
                inner.problem("id", "\(inner.quoted(text, of: "id")) is not a pattern: \(error)")
                return nil
            }
        }
    }
}
