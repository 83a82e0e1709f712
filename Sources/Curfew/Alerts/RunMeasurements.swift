internal import Policies

/// The numbers of an ended run, as history, metrics and alerts take them.
struct RunMeasurements: Sendable {
    let run: String
    let cleanup: String
    let counters: RunCounters
    let duration: Duration
    /// How late it began.
    let lag: Duration
    /// For how long the oldest record that is left has been due.
    let oldestOverdue: Duration
    /// How many records are left that are due.
    let backlog: Int
    /// Whether the guard refused it.
    var isRefused = false
    /// Whether it failed.
    var isFailed = false
    /// Whether it was lost; such a run has no other numbers.
    var isLost = false
    /// The kind of the entry: `run`, or `undo` for what is no run in the sense of alerts and charts.
    var kind = "run"

    /// What an alert compares; `overdue` is not a number of a run.
    func value(of metric: AlertDefinition.Metric) -> Double {
        switch metric {
        case .found: Double(counters.found)
        case .changed: Double(counters.changed)
        case .retried: Double(counters.retried)
        case .skipped: Double(counters.skipped)
        case .failed: Double(counters.failed)
        case .refunded: Double(counters.refunded)
        case .backlog: Double(backlog)
        case .drift: Double(counters.drift)
        case .bytesFreed: Double(counters.bytesFreed)
        case .absent: Double(counters.absent)
        case .duration: Double(duration.milliseconds)
        case .lag: Double(lag.milliseconds)
        case .oldestOverdue: Double(oldestOverdue.milliseconds)
        case .stalled: Double(counters.stalled)
        case .refused: isRefused ? 1 : 0
        case .runsFailed: isFailed ? 1 : 0
        case .runsLost: isLost ? 1 : 0
        case .overdue: 0
        }
    }

    /// The entry of the metrics stream.
    var fields: [(String, String)] {
        [
            ("kind", kind), ("cleanup", cleanup), ("run", run), ("duration_ms", String(duration.milliseconds)),
            ("lag_ms", String(lag.milliseconds)), ("oldest_overdue_ms", String(oldestOverdue.milliseconds)),
            ("drift", String(counters.drift)), ("found", String(counters.found)), ("changed", String(counters.changed)),
            ("retried", String(counters.retried)), ("skipped", String(counters.skipped)),
            ("failed", String(counters.failed)),
            ("refunded", String(counters.refunded)), ("bytes_freed", String(counters.bytesFreed)),
            ("absent", String(counters.absent)), ("backlog", String(backlog)),
        ] + (isRefused ? [("refused", "1")] : [])
            + (isFailed ? [("runs_failed", "1")] : [])
            + counters.types.sorted { $0.key < $1.key }.map { ("type:" + $0.key, String($0.value)) }
    }
}
