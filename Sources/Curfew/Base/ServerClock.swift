package import Policies
internal import RedisClient

/// The Redis server's time, carried forward by the monotonic clock of this machine.
///
/// Every time that is shared, compared or written is the server's, so that the clocks of instances may differ by hours
/// without changing anything. One reading is exact to a round trip, which is all that deadlines of seconds need.
package struct ServerClock: Sendable {
    /// What was read, and when that was on the clock of this machine.
    let reading: Timestamp
    let readAt: ContinuousClock.Instant
    /// How long the reading took.
    private(set) var roundTrip: Duration = .zero

    /// Starts from a reading just made.
    package init(
        _ reading: Timestamp, at instant: ContinuousClock.Instant = .now, within roundTrip: Duration = .zero
    ) {
        self.roundTrip = roundTrip
        self.reading = reading
        readAt = instant
    }

    /// The server's time now.
    package var now: Timestamp { reading + readAt.duration(to: .now) }

    /// How old the reading is.
    var age: Duration { readAt.duration(to: .now) }

    /// Asks the server.
    static func read(from redis: RedisClient) async throws(CurfewError) -> ServerClock {
        let sent = ContinuousClock.now
        let reply = try await redis.reply(to: RedisCommand("TIME"))
        guard reply.count == 2, let seconds = reply[0].integer, let microseconds = reply[1].integer,
            let time = Self.time(milliseconds: seconds.bounded(times: 1_000).bounded(plus: microseconds / 1_000))
        else {
            throw CurfewError(.damaged, "TIME answered something unexpected")
        }
        return ServerClock(time, within: sent.duration(to: .now))
    }

    /// A time that a server may tell: one that can be written in every form that records have.
    static func time(milliseconds: Int64) -> Timestamp? {
        (0...9_999_999_999_999).contains(milliseconds) ? Timestamp(milliseconds: milliseconds) : nil
    }
}
