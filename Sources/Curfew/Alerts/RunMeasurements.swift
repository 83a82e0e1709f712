internal import Policies

/// The numbers of an ended run for history, metrics and alerts.
struct RunMeasurements: Sendable {
    let run: String
    let cleanup: String
    let counters: RunCounters
    let duration: Duration
    /// The delay of its start.
    let lag: Duration
    /// How long the oldest remaining record has been due.
    let oldestOverdue: Duration
    /// How many due records remain.
    let backlog: Int
    /// Whether the guard refused it.
    var isRefused = false
    /// Whether it failed.
    var isFailed = false
    /// Whether it was lost; a lost run has no other numbers.
    var isLost = false
    /// Whether it only said what it would do.
    var isDryRun = false
    /// The kind of the entry: `run`, or `undo`, which alerts and charts don't count as a run.
    var kind = "run"

    /// The value of an alert's metric; `overdue` isn't a number of a run.
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
        var fields: [(String, String)] = [
            ("kind", kind), ("cleanup", cleanup), ("run", run), ("duration_ms", String(duration.milliseconds)),
            ("lag_ms", String(lag.milliseconds)), ("oldest_overdue_ms", String(oldestOverdue.milliseconds)),
            ("drift", String(counters.drift)), ("found", String(counters.found)), ("changed", String(counters.changed)),
            ("retried", String(counters.retried)), ("skipped", String(counters.skipped)),
            ("failed", String(counters.failed)),
            ("refunded", String(counters.refunded)), ("bytes_freed", String(counters.bytesFreed)),
            ("absent", String(counters.absent)), ("backlog", String(backlog)), ("stalled", String(counters.stalled)),
            ("seen", String(counters.checked)),
        ]
        if isRefused { fields.append(("refused", "1")) }
        if isFailed { fields.append(("runs_failed", "1")) }
        if isDryRun { fields.append(("dry_run", "1")) }
        return fields + Self.fields(counters.types, "type:") + Self.fields(counters.seen, "seen:")
    }

    private static func fields(_ counts: [String: Int], _ prefix: String) -> [(String, String)] {
        counts.sorted { $0.key < $1.key }.map { (prefix + $0.key, String($0.value)) }
    }
}
