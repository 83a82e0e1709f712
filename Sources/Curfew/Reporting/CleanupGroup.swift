/// How much attention a cleanup needs, the most urgent first; each cleanup is in one group.
package enum CleanupGroup: String, CaseIterable, Sendable {
    /// By urgency.
    case overdue, failing, alerting, warning, running, paused, scheduled, disabled, other

    /// The group of a cleanup.
    ///
    /// - Parameter firing: the cleanups for which an alert fires.
    package init(_ cleanup: Status.CleanupStatus, firing: Set<String>) {
        let isFailing = cleanup.lastRun?.isFailure ?? (cleanup.lastError?.isEmpty == false)
        self =
            if cleanup.trouble != nil {
                .overdue
            } else if isFailing, cleanup.state != "disabled" {
                .failing
            } else if firing.contains(cleanup.name) {
                .alerting
            } else if cleanup.refused != nil || cleanup.uncounted != nil || cleanup.lastRun?.isWhole == false {
                .warning
            } else {
                switch cleanup.state {
                case "running", "lost": .running
                case "paused": .paused
                case "waiting", "due": .scheduled
                case "disabled": .disabled
                default: .other
                }
            }
    }

    /// The cleanups of a status by group, each in the order of the file, but what is overdue longest first.
    package static func all(_ status: Status) -> [(group: CleanupGroup, cleanups: [Status.CleanupStatus])] {
        let firing = Set((status.firing ?? []).map(\.cleanup))
        let groups = Dictionary(grouping: status.cleanups) { CleanupGroup($0, firing: firing) }
        return allCases.compactMap { group in
            groups[group].map { (group, group == .overdue ? Status.longestOverdueFirst($0) : $0) }
        }
    }
}
