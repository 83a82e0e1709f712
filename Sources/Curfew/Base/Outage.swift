internal import RedisClient

/// Limits log lines about a repeated failure: the first is logged at once, then once a minute with the number of
/// repetitions.
///
/// So an outage of a day doesn't flood the log.
///
/// A failure of another kind is also logged at once, since it may be the one that lasts.
struct Outage {
    static let interval = Duration.seconds(60)

    /// The kinds that were logged within the last interval.
    private var said: [String: ContinuousClock.Instant] = [:]
    private var unsaid = 0
    /// The number of failures since the last success.
    private(set) var count = 0

    /// Counts a failure; returns the number of failures since the last log line if this one must be logged.
    mutating func failed(_ error: any Error, at now: ContinuousClock.Instant = .now) -> Int? {
        count += 1
        unsaid += 1
        said = said.filter { $0.value.duration(to: now) < Self.interval }
        guard said[Self.kind(of: error)] == nil else { return nil }
        // A failure that alternates between kinds counts as one by the second round.
        for kind in said.keys { said[kind] = now }
        said[Self.kind(of: error)] = now
        defer { unsaid = 0 }
        return unsaid
    }

    /// Records a success; returns the number of failures before it, if there were any.
    mutating func ended() -> Int? {
        defer { self = Outage() }
        return count > 0 ? count : nil
    }

    private static func kind(of error: any Error) -> String {
        let redis = CurfewError.redis(behind: error)
        guard let redis else { return "\(type(of: error))" }
        // The same code may have a different message the second time.
        return redis.server == nil ? "\(redis.code)" : redis.message
    }
}
