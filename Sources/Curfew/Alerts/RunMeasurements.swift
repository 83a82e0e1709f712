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

    /// The value that an alert compares.
    func value(of alert: AlertDefinition) -> Double {
        guard let action = alert.action else { return value(of: alert.metric) }
        return Double(counters.actions[action.rawValue, default: 0])
    }

    /// The value of a metric; `overdue` isn't a number of a run.
    private func value(of metric: AlertDefinition.Metric) -> Double {
        switch metric {
        case .found: Double(counters.found)
        case .changed: Double(counters.changed)
        case .retried: Double(counters.retried)
        case .skipped: Double(counters.skipped)
        case .failed: Double(counters.failed)
        case .refunded: counters.refunded.approximate
        case .backlog: Double(backlog)
        case .drift: Double(counters.drift)
        case .bytesFreed: Double(counters.bytesFreed)
        case .absent: Double(counters.absent)
        case .missing: Double(counters.actions[Change.Action.drop.rawValue, default: 0])
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
        let before: [(String, Int64)] = [
            ("duration_ms", duration.milliseconds), ("lag_ms", lag.milliseconds),
            ("oldest_overdue_ms", oldestOverdue.milliseconds), ("drift", counters.drift),
            ("found", Int64(counters.found)), ("changed", Int64(counters.changed)),
            ("retried", Int64(counters.retried)), ("skipped", Int64(counters.skipped)),
            ("failed", Int64(counters.failed)),
        ]
        let after: [(String, Int64)] = [
            ("bytes_freed", counters.bytesFreed), ("absent", Int64(counters.absent)), ("backlog", Int64(backlog)),
            ("stalled", Int64(counters.stalled)), ("seen", Int64(counters.checked)),
        ]
        func texts(_ numbers: [(String, Int64)]) -> [(String, String)] { numbers.map { ($0.0, String($0.1)) } }
        let own = [("kind", kind), ("cleanup", cleanup), ("run", run)] + texts(before)
        let states = [("refused", isRefused), ("runs_failed", isFailed), ("dry_run", isDryRun)]
            .filter(\.1).map { ($0.0, "1") }
        return own + [("refunded", String(counters.refunded))] + texts(after) + states
            + Self.named("action:", counters.actions) + Self.named("type:", counters.types)
            + Self.named("seen:", counters.seen)
    }

    private static func named(_ prefix: String, _ counts: [String: Int]) -> [(String, String)] {
        counts.sorted { $0.key < $1.key }.map { (prefix + $0.key, String($0.value)) }
    }
}
