/// A point in time: Unix milliseconds.
///
/// Curfew's only clock is the Redis server's, and that gives milliseconds; nothing here reads a clock. Arithmetic
/// saturates instead of trapping, because a record may hold any number.
package struct Timestamp: Sendable, Hashable, Comparable {
    /// Milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
    package var milliseconds: Int64

    /// Makes the point in time that many milliseconds after the epoch.
    package init(milliseconds: Int64) {
        self.milliseconds = milliseconds
    }

    /// Compares by time.
    package static func < (earlier: Timestamp, later: Timestamp) -> Bool {
        earlier.milliseconds < later.milliseconds
    }

    /// The time that much later; saturates at the ends of `Int64`.
    package static func + (time: Timestamp, duration: Duration) -> Timestamp {
        let amount = duration.milliseconds
        let (sum, overflow) = time.milliseconds.addingReportingOverflow(amount)
        guard overflow else { return Timestamp(milliseconds: sum) }
        return Timestamp(milliseconds: amount < 0 ? .min : .max)
    }

    /// The time that much earlier; saturates at the ends of `Int64`.
    package static func - (time: Timestamp, duration: Duration) -> Timestamp {
        let amount = duration.milliseconds
        let (difference, overflow) = time.milliseconds.subtractingReportingOverflow(amount)
        guard overflow else { return Timestamp(milliseconds: difference) }
        return Timestamp(milliseconds: amount < 0 ? .max : .min)
    }

    /// How much later the first time is than the second; negative where it is earlier.
    package static func - (later: Timestamp, earlier: Timestamp) -> Duration {
        let (difference, overflow) = later.milliseconds.subtractingReportingOverflow(earlier.milliseconds)
        guard overflow else { return .milliseconds(difference) }
        return .milliseconds(later < earlier ? Int64.min : Int64.max)
    }
}

extension Duration {
    /// The whole milliseconds in it, rounded towards zero; saturates at the ends of `Int64`.
    package var milliseconds: Int64 {
        let (seconds, attoseconds) = components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000)
        guard !overflow else { return seconds < 0 ? .min : .max }
        let (sum, sumOverflow) = whole.addingReportingOverflow(attoseconds / 1_000_000_000_000_000)
        guard !sumOverflow else { return seconds < 0 ? .min : .max }
        return sum
    }
}
