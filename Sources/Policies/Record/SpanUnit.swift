/// What a number counts that is a span of time, and no point in it: the key `unit`.
package enum SpanUnit: String, CaseIterable, Sendable, Equatable {
    /// Nanoseconds.
    case nanoseconds = "ns"
    /// Microseconds.
    case microseconds = "us"
    /// Milliseconds.
    case milliseconds = "ms"
    /// Seconds.
    case seconds = "s"
    /// Minutes.
    case minutes = "m"
    /// Hours.
    case hours = "h"
    /// Days.
    case days = "d"

    /// How many milliseconds it has, as a fraction.
    private var milliseconds: (times: Int64, over: Int64) {
        switch self {
        case .nanoseconds: (1, 1_000_000)
        case .microseconds: (1, 1_000)
        case .milliseconds: (1, 1)
        case .seconds: (1_000, 1)
        case .minutes: (60_000, 1)
        case .hours: (3_600_000, 1)
        case .days: (86_400_000, 1)
        }
    }

    /// Its name in words.
    var noun: String {
        switch self {
        case .nanoseconds: "nanoseconds"
        case .microseconds: "microseconds"
        case .milliseconds: "milliseconds"
        case .seconds: "seconds"
        case .minutes: "minutes"
        case .hours: "hours"
        case .days: "days"
        }
    }

    /// The longest span that is believed, a hundred years.
    static let longest = Duration.seconds(36_500 * 86_400)

    /// The span that a number of this unit stands for, to the millisecond; nil for anything but a whole or fractional
    /// number of which it can be said, and for one that is longer than ``longest``.
    func span(_ text: String) -> Duration? {
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard (1...19).contains(parts[0].utf8.count), parts.allSatisfy({ Self.isDigits($0) }),
            let whole = Int64(parts[0])
        else { return nil }
        let (times, over) = milliseconds
        let (product, overflow) = whole.multipliedReportingOverflow(by: times)
        guard !overflow else { return nil }
        var total = product / over
        if parts.count == 2, over == 1 {
            // What is below a millisecond of a day needs no more than nine digits.
            let digits = parts[1].prefix(9)
            guard let fraction = Int64(digits) else { return nil }
            let scale = digits.utf8.reduce(into: Int64(1)) { scale, _ in scale *= 10 }
            total = total.bounded(plus: fraction * times / scale)
        }
        let span = Duration.milliseconds(total)
        return span <= Self.longest ? span : nil
    }

    private static func isDigits(_ text: Substring) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }
}

extension Record {
    /// Words that languages print where there is no value.
    private static let nothings = ["null", "none", "nil", "undefined"]

    /// The span in that field, 0 or more; nil where there is none, an error where it can't be read or can't be.
    func span(_ field: String, in unit: SpanUnit) throws(RecordError) -> Duration? {
        guard let raw = present(field) else { return nil }
        if let span = unit.span(raw) { return span }
        guard !Self.nothings.contains(raw.lowercase) else { return nil }
        throw .unreadable(
            field, raw, "expected a number of \(unit.noun), 0 or more, and at most \(SpanUnit.longest.text)")
    }
}
