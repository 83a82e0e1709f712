internal import Policies

/// An alert as configured: which number of which cleanup is compared with what.
package struct AlertDefinition: Sendable, Equatable {
    /// The numbers an alert can watch: the fields of the metrics stream, and two that are states rather than counts of a run.
    package enum Metric: String, CaseIterable, Sendable {
        case found, changed, retried, skipped, failed, refunded, backlog, drift
        /// Bytes freed in storage.
        case bytesFreed = "bytes_freed"
        /// Objects that were to be deleted and weren't there.
        case absent
        /// How long the run took.
        case duration = "duration_ms"
        /// How late the run began.
        case lag = "lag_ms"
        /// By how much the oldest overdue record was overdue.
        case oldestOverdue = "oldest_overdue_ms"
        /// Records past their time whose tasks are still active.
        case stalled
        /// Whether its guard refused the run: 1 or 0.
        case refused
        /// Whether the run failed: 1 or 0. One that was refused, cancelled or timed out did not fail.
        case runsFailed = "runs_failed"
        /// Whether a run was lost, as the one that takes its place finds: 1 or 0.
        case runsLost = "runs_lost"
        /// By how much the cleanup itself is overdue: it ought to have run and has not.
        case overdue

        /// Whether the number is a time in milliseconds; the threshold is then written as a duration.
        package var isTime: Bool {
            switch self {
            case .duration, .lag, .oldestOverdue, .overdue: true
            default: false
            }
        }
    }

    /// Over what the values are added up before they are compared.
    package enum Window: Sendable, Equatable {
        /// The last runs of the cleanup, at least 1.
        case runs(Int)
        /// The runs of the last while.
        case time(Duration)
    }

    /// How much it matters; the word is published as it is.
    package enum Severity: String, CaseIterable, Sendable {
        case info, warning, critical
    }

    /// The name in the file and in `{curfew}:alert:<name>`.
    package var name: String
    /// The cleanup that is watched; `*` for each of them on its own.
    package var cleanup: String
    /// The number that is watched.
    package var metric: Metric
    /// Whether it fires above the threshold; otherwise it fires below.
    package var isAbove: Bool
    /// The threshold, in milliseconds where the metric is a time; a value equal to it doesn't fire.
    package var threshold: Double
    /// Over what is added up; nil: the last run alone.
    package var over: Window?
    /// How much it matters.
    package var severity: Severity

    /// An alert from its parts.
    package init(
        name: String,
        cleanup: String = "*",
        metric: Metric,
        isAbove: Bool = true,
        threshold: Double,
        over: Window? = nil,
        severity: Severity = .warning
    ) {
        self.name = name
        self.cleanup = cleanup
        self.metric = metric
        self.isAbove = isAbove
        self.threshold = threshold
        self.over = over
        self.severity = severity
    }

    /// Whether the alert is about this cleanup.
    package func watches(_ name: String) -> Bool {
        cleanup == "*" || cleanup == name
    }

    /// Whether this value crosses the threshold.
    package func isCrossed(by value: Double) -> Bool {
        isAbove ? value > threshold : value < threshold
    }

    /// The definition in one canonical line, published when it is new or changed: `found > 10 over 1h`.
    ///
    /// The same meaning gives the same line, whatever way the file writes it.
    package var definitionText: String {
        let suffix =
            switch over {
            case nil: ""
            case .runs(1): " over 1 run"
            case .runs(let count): " over \(count) runs"
            case .time(let time): " over \(time.text)"
            }
        return "\(metric.rawValue) \(isAbove ? ">" : "<") \(thresholdText)\(suffix)"
    }

    /// The threshold as it is written in the file: `10`, `0.5`, `10m`.
    package var thresholdText: String {
        if metric.isTime, let milliseconds = Int64(exactly: threshold.rounded()) {
            return Duration.milliseconds(milliseconds).text
        }
        if let whole = Int64(exactly: threshold) { return String(whole) }
        return String(threshold)
    }
}
