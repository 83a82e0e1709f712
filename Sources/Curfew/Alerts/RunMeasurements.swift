internal import Policies

/// The numbers of an ended run, as history, metrics and alerts take them.
struct RunMeasurements: Sendable {
    let run: String
    let cleanup: String
    let tally: Tally
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
        case .found: Double(tally.found)
        case .changed: Double(tally.changed)
        case .retried: Double(tally.retried)
        case .skipped: Double(tally.skipped)
        case .failed: Double(tally.failed)
        case .refunded: Double(tally.refunded)
        case .backlog: Double(backlog)
        case .drift: Double(tally.drift)
        case .bytesFreed: Double(tally.bytesFreed)
        case .absent: Double(tally.absent)
        case .duration: Double(duration.milliseconds)
        case .lag: Double(lag.milliseconds)
        case .oldestOverdue: Double(oldestOverdue.milliseconds)
        case .stalled: Double(tally.stalled)
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
            ("drift", String(tally.drift)), ("found", String(tally.found)), ("changed", String(tally.changed)),
            ("retried", String(tally.retried)), ("skipped", String(tally.skipped)), ("failed", String(tally.failed)),
            ("refunded", String(tally.refunded)), ("bytes_freed", String(tally.bytesFreed)),
            ("absent", String(tally.absent)), ("backlog", String(backlog)),
        ] + (isRefused ? [("refused", "1")] : [])
            + (isFailed ? [("runs_failed", "1")] : [])
            + tally.types.sorted { $0.key < $1.key }.map { ("type:" + $0.key, String($0.value)) }
    }
}
