internal import Policies

/// A point in time, to the millisecond.
///
/// Curfew's only clock is the Redis server's. Arithmetic saturates at the ends of `Int64` instead of trapping, because a
/// record may hold any number.
public struct PolicyTime: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
    public let milliseconds: Int64

    /// The time that many milliseconds after the epoch.
    public init(milliseconds: Int64) {
        self.milliseconds = milliseconds
    }

    init(_ time: Timestamp) {
        milliseconds = time.milliseconds
    }

    var timestamp: Timestamp { Timestamp(milliseconds: milliseconds) }

    /// Compares by time.
    public static func < (earlier: PolicyTime, later: PolicyTime) -> Bool {
        earlier.milliseconds < later.milliseconds
    }

    /// The time that much later.
    public static func + (time: PolicyTime, duration: Duration) -> PolicyTime {
        PolicyTime(time.timestamp + duration)
    }

    /// The time that much earlier.
    public static func - (time: PolicyTime, duration: Duration) -> PolicyTime {
        PolicyTime(time.timestamp - duration)
    }

    /// How much later the first is than the second; negative where it is earlier.
    public static func - (later: PolicyTime, earlier: PolicyTime) -> Duration {
        later.timestamp - earlier.timestamp
    }

    /// ISO 8601: `2026-11-30T19:44:00.123Z`.
    public var description: String { timestamp.iso8601 }
}
