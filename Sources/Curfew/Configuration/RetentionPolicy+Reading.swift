internal import Policies

extension RetentionPolicy: ConfiguredPolicy {
    static let keys = ["states", "since", "keep", "keeps", "also"]

    init?(_ section: Section, status: String) {
        let states = section.states()
        let since = section.texts("since", isRequired: true)
        let keep = section.duration("keep", isRequired: true)
        let keeps = section.section("keeps").flatMap(TimesByType.init)
        let also = section.recordKeys("also")
        // States that can't be read must not stand for every state.
        guard let since, let keep, states != nil || section.entry("states") == nil else { return nil }
        self.init(status: status, states: states, since: since, keep: keep, keeps: keeps, also: also)
    }
}

extension Section {
    /// Keys that belong to one record: each template has a placeholder, else every record would take the same key along.
    fileprivate func recordKeys(_ key: String) -> [KeyTemplate] {
        (texts(key) ?? []).compactMap { text in
            do {
                let template = try KeyTemplate(text)
                if template.usesID || !template.fields.isEmpty { return template }
                problem(key, "\(quoted(text, of: key)) is one key for all records, expected one like job:<id>:log")
            } catch {
                problem(key, "\(quoted(text, of: key)) is no key: \(error)")
            }
            return nil
        }
    }
}
