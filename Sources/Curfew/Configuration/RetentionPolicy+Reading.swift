internal import Policies

extension RetentionPolicy: ConfiguredPolicy {
    static let keys = ["states", "since", "keep", "keeps", "also"]

    init?(_ section: Section, status: String) {
        let states = section.states().flatMap { $0.isEmpty ? nil : $0 }
        let since = section.texts("since", isRequired: true)
        let keep = section.duration("keep", isRequired: true)
        let keeps = section.section("keeps").flatMap(TimesByType.init)
        let also = section.companionTemplates("also")
        // If the states can't be read, they must not mean every state.
        guard let since, let keep, states != nil || section.entry("states") == nil || section.states()?.isEmpty == true
        else { return nil }
        self.init(status: status, states: states, since: since, keep: keep, keeps: keeps, also: also)
    }
}
