package import Policies

/// The Redis server's time, carried forward by the monotonic clock of this machine.
///
/// Every time that is shared, compared or written is the server's, so that the clocks of instances may differ by hours
/// without changing anything. One reading is exact to a round trip, which is all that deadlines of seconds need.
package struct ServerClock: Sendable {
    private let reading: Timestamp
    private let readAt: ContinuousClock.Instant

    /// Starts from a reading just made.
    package init(_ reading: Timestamp, at instant: ContinuousClock.Instant = .now) {
        self.reading = reading
        readAt = instant
    }

    /// The server's time now.
    package var now: Timestamp { reading + readAt.duration(to: .now) }
}
