internal import Policies

extension LocksPolicy: ConfiguredPolicy {
    static let keys = ["since", "timeout", "alive", "expiring"]

    private enum Expiring: String, CaseIterable {
        case leave, judge
    }

    init?(_ section: Section, status: String) {
        let since = section.start("since")
        let alive = section.template("alive")
        let expiring = section.choice("expiring", Expiring.allCases)
        guard let timeout = section.duration("timeout", isRequired: true) else { return nil }
        self.init(since: since ?? [], timeout: timeout, alive: alive, leavesExpiring: expiring != .judge)
    }
}
