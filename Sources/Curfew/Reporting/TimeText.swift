internal import Policies

/// Times and durations as tables and pages show them.
package enum TimeText {
    /// A stream field with Unix milliseconds: `2026-07-22T04:26:40Z`; empty if it isn't a time.
    package static func moment(_ milliseconds: String?) -> String {
        guard let milliseconds = milliseconds.flatMap({ Int64($0) }) else { return "" }
        return TimeForm.iso8601(.init()).text(for: Timestamp(milliseconds: milliseconds))
    }

    /// When an entry was added to its stream, according to its id.
    package static func moment(of entry: StreamEntry) -> String {
        moment(entry.id.split(separator: "-").first.map(String.init))
    }

    /// The duration between two fields with Unix milliseconds; empty if one of them isn't a time.
    package static func span(_ from: String?, _ to: String?) -> String {
        guard let from = from.flatMap({ Int64($0) }), let to = to.flatMap({ Int64($0) }) else { return "" }
        let (span, overflow) = to.subtractingReportingOverflow(from)
        return overflow || span < 0 ? "" : Duration.milliseconds(span).roughText
    }

    /// The distance of a time from now: `in 5m`, `3s ago`, `now`.
    package static func distance(_ milliseconds: Int64) -> String {
        guard milliseconds.magnitude >= 1_000 else { return "now" }
        let span = Duration.milliseconds(Int64(clamping: milliseconds.magnitude)).roughText
        return milliseconds > 0 ? "in \(span)" : "\(span) ago"
    }
}
