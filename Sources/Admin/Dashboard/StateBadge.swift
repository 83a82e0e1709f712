internal import Curfew

/// The state of a cleanup as a word with a colour; the word alone is sufficient.
enum StateBadge {
    /// The badge.
    static func html(_ cleanup: Status.CleanupStatus) -> HTML {
        let isOverdue = cleanup.state == "due" && cleanup.isLate
        let look: String
        switch cleanup.state {
        case "running": look = "running"
        case "due": look = isOverdue && !cleanup.isGone ? "critical" : "warning"
        case "lost": look = "critical"
        case "paused": look = "warning"
        case "waiting": look = "good"
        default: look = "quiet"
        }
        return .element("span", ["class": "state \(look)"]) {
            isOverdue ? "overdue" : cleanup.state == "waiting" ? "scheduled" : cleanup.state
        }
    }

    /// The badge of a run's status.
    static func html(ofRun status: String, isDryRun: Bool) -> HTML {
        let look: String
        switch status {
        case "completed": look = "good"
        case "failed", "lost", "refused": look = "critical"
        case "running": look = "running"
        default: look = "warning"
        }
        let words = status.split(separator: "_").joined(separator: " ") + (isDryRun ? " (dry run)" : "")
        return .element("span", ["class": "state \(look)"]) { words }
    }
}
