package import Policies
internal import RedisClient

/// The Redis server's time, advanced by the monotonic clock of this machine.
///
/// Every time that is shared, compared or written is the server's time, so the clocks of instances may differ by hours.
/// A reading is accurate to a round trip, which suffices for deadlines in seconds.
package struct ServerClock: Sendable {
    /// The time read, and when it was read on the clock of this machine.
    let reading: Timestamp
    let readAt: ContinuousClock.Instant
    /// The duration of the reading.
    private(set) var roundTrip: Duration = .zero

    /// Creates the clock from a reading made just now.
    package init(
        _ reading: Timestamp, at instant: ContinuousClock.Instant = .now, within roundTrip: Duration = .zero
    ) {
        self.roundTrip = roundTrip
        self.reading = reading
        readAt = instant
    }

    /// The server's time now.
    package var now: Timestamp { reading + readAt.duration(to: .now) }

    /// The age of the reading.
    var age: Duration { readAt.duration(to: .now) }

    /// Reads the server's time.
    static func read(from redis: RedisClient) async throws(CurfewError) -> ServerClock {
        let sent = ContinuousClock.now
        let reply = try await redis.reply(to: RedisCommand("TIME"))
        guard reply.count == 2, let seconds = reply[0].integer, let microseconds = reply[1].integer,
            let time = Self.time(milliseconds: seconds.bounded(times: 1_000).bounded(plus: microseconds / 1_000))
        else {
            throw CurfewError(.damaged, "unexpected reply to TIME")
        }
        return ServerClock(time, within: sent.duration(to: .now))
    }

    /// The time of a server, if it can be written in every form that records use.
    static func time(milliseconds: Int64) -> Timestamp? {
        (0...9_999_999_999_999).contains(milliseconds) ? Timestamp(milliseconds: milliseconds) : nil
    }
}
