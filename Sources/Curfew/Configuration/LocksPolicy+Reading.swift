internal import Policies

extension LocksPolicy: ConfiguredPolicy {
    static let keys = ["since", "timeout", "alive", "expiring"]

    private enum Expiring: String, CaseIterable {
        case leave, judge
    }

    init?(_ section: Section, status: String) {
        let since = section.texts("since")
        let alive = section.template("alive")
        let expiring = section.choice("expiring", Expiring.allCases)
        // A member whose holder is gone needs no other age.
        let mayBeZero = section.isInRegistries && alive != nil
        guard let timeout = section.duration("timeout", isRequired: true, mayBeZero: mayBeZero) else { return nil }
        self.init(since: since ?? [], timeout: timeout, alive: alive, leavesExpiring: expiring != .judge)
    }
}
