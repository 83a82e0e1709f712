internal import Curfew
internal import Policies

/// The measurements of runs by hour: the data of the charts.
///
/// It is filled from the metrics stream, entry by entry, and keeps only sums. So its size depends on the hours and the
/// cleanups, not on the number of runs.
struct MeasuredHours: Sendable, Equatable {
    /// How many types of records are told apart per cleanup and hour; further ones count together.
    static let mostTypes = 20
    /// The name of the further types.
    static let otherTypes = "other"

    /// The sums of one cleanup in one hour.
    struct Sums: Sendable, Equatable {
        /// Records that were changed, and records with errors.
        var changed: Int64 = 0, failed: Int64 = 0
        /// Refunded tokens.
        var refunded: Int64 = 0
        /// Runs, how long all of them and the longest one took, in milliseconds.
        var runs: Int64 = 0, tookMs: Int64 = 0, longestMs: Int64 = 0
        /// Records past their time, by type.
        var types: [String: Int64] = [:]
        /// The records still due after the hour's last run; nil if there was no run.
        var backlog: Int64?

        /// Adds what happened in another hour, or to another cleanup; the backlog is no sum.
        ///
        /// - Parameter hasTypes: whether the types are added too.
        mutating func add(_ other: Sums, hasTypes: Bool = true) {
            changed = MeasuredHours.sum(changed, other.changed)
            failed = MeasuredHours.sum(failed, other.failed)
            refunded = MeasuredHours.sum(refunded, other.refunded)
            runs = MeasuredHours.sum(runs, other.runs)
            tookMs = MeasuredHours.sum(tookMs, other.tookMs)
            longestMs = max(longestMs, other.longestMs)
            guard hasTypes else { return }
            for (type, count) in other.types { types[type] = MeasuredHours.sum(types[type] ?? 0, count) }
        }
    }

    /// One bar of a chart.
    struct Point: Sendable, Equatable {
        /// The start of its time.
        var start: Timestamp
        /// What happened in that time.
        var sums = Sums()
        /// The records still due at its end; nil before the first known run.
        var backlog: Int64?

        /// Records that were changed, and records with errors.
        var changed: Int64 { sums.changed }
        var failed: Int64 { sums.failed }
        /// The mean duration of a run in milliseconds; nil without one.
        var meanMs: Int64? { sums.runs > 0 ? sums.tookMs / sums.runs : nil }
    }

    /// The id of the last added entry; the next read continues after it.
    private(set) var last = "0-0"
    /// How far back it goes: twice as far as is shown, for the backlog that was left before.
    private let kept: Int64
    private var hours: [Int64: [String: Sums]] = [:]

    /// Creates it empty, for charts of that range.
    init(_ range: ChartRange = .day) {
        kept = 2 * range.bars * range.hoursPerBar
    }

    /// Adds entries in stream order; entries that were added before are ignored.
    mutating func add(_ entries: [StreamEntry]) {
        for entry in entries {
            guard Self.isLater(entry.id, than: last) else { continue }
            last = entry.id
            guard entry["kind"] == "run", let cleanup = entry["cleanup"] else { continue }
            let hour = Self.parts(of: entry.id).0 / 3_600_000
            var sums = hours[hour, default: [:]][cleanup, default: Sums()]
            Self.add(entry, to: &sums)
            hours[hour, default: [:]][cleanup] = sums
        }
        guard let newest = hours.keys.max() else { return }
        hours = hours.filter { $0.key > newest - kept }
    }

    private static func add(_ entry: StreamEntry, to sums: inout Sums) {
        sums.runs += 1
        for (name, text) in entry.fields {
            switch name {
            case "changed": sums.changed = sum(sums.changed, text)
            case "failed": sums.failed = sum(sums.failed, text)
            case "refunded": sums.refunded = sum(sums.refunded, text)
            case "duration_ms":
                sums.tookMs = sum(sums.tookMs, text)
                sums.longestMs = max(sums.longestMs, Int64(text) ?? 0)
            case "backlog": if let backlog = Int64(text) { sums.backlog = max(0, backlog) }
            default:
                guard name.hasPrefix("type:") else { continue }
                let type = String(name.dropFirst("type:".count))
                let isKnown = sums.types[type] != nil || sums.types.count < mostTypes
                let key = isKnown ? type : otherTypes
                sums.types[key] = sum(sums.types[key] ?? 0, text)
            }
        }
    }

    /// The bars up to now, oldest first, of one cleanup or of all.
    ///
    /// A bar without a run shows the backlog after the previous run, which may be less than there was. The current bar
    /// shows what is due now, if that is known: the backlog also grows while nothing runs.
    func points(
        of cleanup: String? = nil, until now: Timestamp, dueNow: Int64? = nil, over range: ChartRange = .day,
        hasTypes: Bool = true
    ) -> [Point] {
        let newest = now.milliseconds / 3_600_000 / range.hoursPerBar
        let oldest = newest - range.bars + 1
        var backlogs: [String: Int64] = [:]
        var points: [Int64: Point] = [:]
        let start = min(hours.keys.min() ?? .max, oldest * range.hoursPerBar)
        for hour in start...max(start, newest * range.hoursPerBar + range.hoursPerBar - 1) {
            let bar = hour / range.hoursPerBar
            var point = points[bar] ?? Point(start: Timestamp(milliseconds: bar * range.hoursPerBar * 3_600_000))
            let isShown = bar >= oldest
            func add(_ name: String, _ sums: Sums) {
                if let backlog = sums.backlog { backlogs[name] = backlog }
                if isShown { point.sums.add(sums, hasTypes: hasTypes) }
            }
            if let cleanup {
                if let sums = hours[hour]?[cleanup] { add(cleanup, sums) }
            } else {
                for (name, sums) in hours[hour] ?? [:] { add(name, sums) }
            }
            guard isShown else { continue }
            point.backlog = backlogs.isEmpty ? nil : backlogs.values.reduce(0) { Self.sum($0, $1) }
            points[bar] = point
        }
        if let dueNow { points[newest]?.backlog = dueNow }
        return (oldest...newest).compactMap { points[$0] }
    }

    /// The start of the first read: earlier hours aren't shown.
    static func start(at now: Timestamp, _ range: ChartRange = .day) -> String {
        String(max(0, (now - .seconds(3_600 * range.bars * range.hoursPerBar)).milliseconds))
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
