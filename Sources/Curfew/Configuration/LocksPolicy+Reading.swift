internal import Policies

extension LocksPolicy: ConfiguredPolicy {
    static let keys = ["since", "timeout", "alive"]

    init?(_ section: Section, status: String) {
        let since = section.texts("since")
        let alive = section.template("alive")
        guard let timeout = section.duration("timeout", isRequired: true) else { return nil }
        self.init(since: since ?? [], timeout: timeout, alive: alive)
    }
}
