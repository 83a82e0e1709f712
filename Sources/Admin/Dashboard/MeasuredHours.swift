internal import Curfew
internal import Policies

/// The measurements of runs in the last 24 hours, by hour: the data of the charts.
///
/// It is filled from the metrics stream, entry by entry, and keeps only sums. So its size depends on the hours and the
/// cleanups, not on the number of runs.
struct MeasuredHours: Sendable, Equatable {
    /// How many hours are shown.
    static let shown = 24

    /// The sums of one cleanup in one hour.
    struct Sums: Sendable, Equatable {
        /// Records that were changed, and records with errors.
        var changed: Int64 = 0, failed: Int64 = 0
        /// The records still due after the hour's last run; nil if there was no run.
        var backlog: Int64?
    }

    /// One hour of a chart.
    struct Point: Sendable, Equatable {
        /// The start of the hour.
        var start: Timestamp
        /// Records that were changed, and records with errors.
        var changed: Int64, failed: Int64
        /// The records still due at the end of the hour; nil before the first known run.
        var backlog: Int64?
    }

    /// The id of the last added entry; the next read continues after it.
    private(set) var last = "0-0"
    private var hours: [Int64: [String: Sums]] = [:]

    /// Adds entries in stream order; entries that were added before are ignored.
    mutating func add(_ entries: [StreamEntry]) {
        for entry in entries {
            guard Self.isLater(entry.id, than: last) else { continue }
            last = entry.id
            guard entry["kind"] == "run", let cleanup = entry["cleanup"] else { continue }
            let hour = Self.parts(of: entry.id).0 / 3_600_000
            var sums = hours[hour, default: [:]][cleanup, default: Sums()]
            sums.changed = Self.sum(sums.changed, entry["changed"])
            sums.failed = Self.sum(sums.failed, entry["failed"])
            if let backlog = entry["backlog"].flatMap({ Int64($0) }) { sums.backlog = max(0, backlog) }
            hours[hour, default: [:]][cleanup] = sums
        }
        guard let newest = hours.keys.max() else { return }
        hours = hours.filter { $0.key > newest - Int64(2 * Self.shown) }
    }

    /// The hours up to now, oldest first, of one cleanup or of all.
    ///
    /// An hour without a run shows the backlog after the previous run, which may be less than there was. The current
    /// hour shows what is due now, if that is known: the backlog also grows while nothing runs.
    func points(of cleanup: String? = nil, until now: Timestamp, dueNow: Int64? = nil) -> [Point] {
        let newest = now.milliseconds / 3_600_000
        var backlogs: [String: Int64] = [:]
        var points: [Point] = []
        for hour in (newest - Int64(2 * Self.shown))...newest {
            let all = (hours[hour] ?? [:]).filter { cleanup == nil || $0.key == cleanup }
            for (name, sums) in all { if let backlog = sums.backlog { backlogs[name] = backlog } }
            guard hour > newest - Int64(Self.shown) else { continue }
            let left = backlogs.isEmpty ? nil : backlogs.values.reduce(0) { Self.sum($0, $1) }
            points.append(
                Point(
                    start: Timestamp(milliseconds: hour * 3_600_000),
                    changed: all.values.reduce(0) { Self.sum($0, $1.changed) },
                    failed: all.values.reduce(0) { Self.sum($0, $1.failed) },
                    backlog: hour == newest ? dueNow ?? left : left))
        }
        return points
    }

    /// The start of the first read: earlier hours aren't shown.
    static func start(at now: Timestamp) -> String {
        String(max(0, (now - .seconds(3_600 * shown)).milliseconds))
    }

    private static func sum(_ left: Int64, _ text: String?) -> Int64 {
        sum(left, max(0, text.flatMap { Int64($0) } ?? 0))
    }

    private static func sum(_ left: Int64, _ right: Int64) -> Int64 {
        let (sum, overflow) = left.addingReportingOverflow(right)
        return overflow ? .max : sum
    }

    private static func parts(of id: String) -> (Int64, Int64) {
        let parts = id.split(separator: "-", maxSplits: 1)
        return (parts.first.flatMap { Int64($0) } ?? 0, parts.count > 1 ? Int64(parts[1]) ?? 0 : 0)
    }

    private static func isLater(_ id: String, than other: String) -> Bool { parts(of: id) > parts(of: other) }
}
