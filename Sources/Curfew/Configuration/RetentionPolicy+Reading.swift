internal import Policies

extension RetentionPolicy: ConfiguredPolicy {
    static let actions: [Change.Action] = [.remove]
    static let keys = ["states", "since", "keep", "keeps", "types", "also"]

    init?(_ section: Section, status: String) {
        let states = section.states().flatMap { $0.isEmpty ? nil : $0 }
        let since = section.start("since", isRequired: true)
        let keep = section.timeLimit("keep", isRequired: true)
        let keeps = section.section("keeps").flatMap(TimesByType.init)
        let types = section.section("types").flatMap { TimesByType($0, in: "keep") }
        section.checkTypes("keeps", by: types?.by, types?.byType.keys.map { $0 } ?? [])
        let also = section.companionTemplates("also")
        // If the states can't be read, they must not mean every state.
        guard let since, let keep, states != nil || section.entry("states") == nil || section.states()?.isEmpty == true
        else { return nil }
        self.init(
            status: status, states: states, since: since, keep: keep.general, ownKeep: keep.own,
            keeps: TimesByType(keeps, and: types), also: also)
    }
}
