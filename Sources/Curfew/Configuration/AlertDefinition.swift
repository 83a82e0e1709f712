package import Policies

/// A configured alert: a metric of a cleanup and its threshold.
package struct AlertDefinition: Sendable, Equatable {
    /// The metrics of alerts: fields of the metrics stream, and two that are states and not counts of a run.
    package enum Metric: String, CaseIterable, Sendable {
        case found, changed, retried, skipped, failed, refunded, backlog, drift
        /// Bytes freed in object storage.
        case bytesFreed = "bytes_freed"
        /// Objects to delete that did not exist.
        case absent
        /// Index entries that were taken out because their records are missing: the changes by the action `drop`.
        case missing
        /// The duration of the run.
        case duration = "duration_ms"
        /// The delay of the run.
        case lag = "lag_ms"
        /// The lateness of the oldest overdue record.
        case oldestOverdue = "oldest_overdue_ms"
        /// Records past their time whose tasks are still active.
        case stalled
        /// Whether the guard refused the run: 1 or 0.
        case refused
        /// Whether the run failed: 1 or 0. Refused, cancelled and timed-out runs did not fail.
        case runsFailed = "runs_failed"
        /// Whether a run was lost, as reported by the run that replaces it: 1 or 0.
        case runsLost = "runs_lost"
        /// How long the cleanup itself is overdue.
        case overdue

        /// Whether the metric is a time in milliseconds; its threshold is then written as a duration.
        package var isTime: Bool {
            switch self {
            case .duration, .lag, .oldestOverdue, .overdue: true
            default: false
            }
        }
    }

    /// The window over which values are added up.
    package enum Window: Sendable, Equatable {
        /// The last runs of the cleanup, at least 1.
        case runs(Int)
        /// The runs within a duration.
        case time(Duration)
    }

    /// The severity; published as written.
    package enum Severity: String, CaseIterable, Sendable {
        case info, warning, critical
    }

    /// The name in the file and in `{curfew}:alert:<name>`.
    package var name: String
    /// The cleanup; `*` for each cleanup separately.
    package var cleanup: String
    /// The metric.
    package var metric: Metric
    /// Counts the changes by this action only; nil: all.
    package var action: Change.Action?
    /// Whether it fires above the threshold; otherwise below.
    package var isAbove: Bool
    /// The threshold, in milliseconds if the metric is a time; an equal value doesn't fire.
    package var threshold: Double
    /// The window; nil for the last run only.
    package var over: Window?
    /// The severity.
    package var severity: Severity

    /// Creates an alert from its parts.
    package init(
        name: String,
        cleanup: String = "*",
        metric: Metric,
        action: Change.Action? = nil,
        isAbove: Bool = true,
        threshold: Double,
        over: Window? = nil,
        severity: Severity = .warning
    ) {
        self.name = name
        self.cleanup = cleanup
        self.metric = metric
        self.action = action
        self.isAbove = isAbove
        self.threshold = threshold
        self.over = over
        self.severity = severity
    }

    /// Whether the alert applies to this cleanup.
    package func watches(_ name: String) -> Bool {
        cleanup == "*" || cleanup == name
    }

    /// Whether this value crosses the threshold.
    package func isCrossed(by value: Double) -> Bool {
        isAbove ? value > threshold : value < threshold
    }

    /// The definition in one canonical line, published if it is new or changed: `found > 10 over 1h`.
    ///
    /// Definitions with the same meaning have the same line, however the file writes them.
    package var definitionText: String {
        let suffix =
            switch over {
            case nil: ""
            case .runs(1): " over 1 run"
            case .runs(let count): " over \(count) runs"
            case .time(let time): " over \(time.text)"
            }
        return "\(measure) \(isAbove ? ">" : "<") \(thresholdText)\(suffix)"
    }

    /// What is measured, in words: `changed`, `changed by cancel`.
    package var measure: String {
        action.map { "\(metric.rawValue) by \($0.rawValue)" } ?? metric.rawValue
    }

    /// The field of the metrics stream.
    var field: String {
        if metric == .missing { return "action:" + Change.Action.drop.rawValue }
        return action.map { "action:" + $0.rawValue } ?? metric.rawValue
    }

    /// The threshold as the file writes it: `10`, `0.5`, `10m`.
    package var thresholdText: String {
        if metric.isTime, let milliseconds = Int64(exactly: threshold.rounded()) {
            return Duration.milliseconds(milliseconds).text
        }
        if let whole = Int64(exactly: threshold) { return String(whole) }
        return String(threshold)
    }
}
