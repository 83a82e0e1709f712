internal import Policies

extension LocksPolicy: ConfiguredPolicy {
    static let actions: [Change.Action] = [.release]
    static let keys = ["since", "timeout", "max-age", "types", "alive", "expiring"]

    private enum Expiring: String, CaseIterable {
        case leave, judge
    }

    init?(_ section: Section, status: String) {
        let since = section.start("since")
        let alive = section.liveness("alive")
        let expiring = section.choice("expiring", Expiring.allCases)
        // A member whose holder is gone needs no other age.
        let mayBeZero = section.isInRegistries && section.has("alive")
        let types = section.section("types").flatMap(Types.init)
        let maxAge = section.duration("max-age")
        if section.has("max-age"), !section.has("since") {
            section.problem("max-age", "needs since: it counts from nothing else")
        }
        guard let timeout = section.timeLimit("timeout", isRequired: true, mayBeZero: mayBeZero) else { return nil }
        self.init(
            since: since ?? [], timeout: timeout.general, ownTimeout: timeout.own, maxAge: maxAge, types: types,
            alive: alive, leavesExpiring: expiring != .judge)
    }
}

extension LocksPolicy.Types {
    /// `types`: rules by type; a time alone is the timeout of a type.
    fileprivate init?(_ section: Section) {
        let rules = section.rulesByType { section, type -> LocksPolicy.Rules? in
            guard let entry = section.entry(type), case .section = entry.value.content else {
                return section.duration(type).map { LocksPolicy.Rules(timeout: TimeLimit($0)) }
            }
            guard let inner = section.section(type) else { return nil }
            inner.expect(["timeout", "max-age"])
            return LocksPolicy.Rules(timeout: inner.timeLimit("timeout"), maxAge: inner.duration("max-age"))
        }
        guard let rules else { return nil }
        self.init(by: rules.by, byType: rules.byType)
    }
}
