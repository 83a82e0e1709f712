internal import RedisClient

/// What the log says of a trouble that comes up again and again: at once what it is, then once a minute how often it came
/// up, so that an outage of a day is no flood in which the rest is lost.
///
/// A trouble of another kind is said at once too, for it may be the one that stays.
struct Outage {
    static let interval = Duration.seconds(60)

    /// The kinds that were said within the last interval.
    private var said: [String: ContinuousClock.Instant] = [:]
    private var unsaid = 0
    /// How often it came up since all was well.
    private(set) var count = 0

    /// Takes a failure in; how many there were since the last that was said, with this one, where this one is to be said.
    mutating func failed(_ error: any Error, at now: ContinuousClock.Instant = .now) -> Int? {
        count += 1
        unsaid += 1
        said = said.filter { $0.value.duration(to: now) < Self.interval }
        guard said[Self.kind(of: error)] == nil else { return nil }
        // One that goes back and forth between kinds is one trouble by the time it comes back.
        for kind in said.keys { said[kind] = now }
        said[Self.kind(of: error)] = now
        defer { unsaid = 0 }
        return unsaid
    }

    /// All is well again; how often the trouble had come up, where there was any.
    mutating func ended() -> Int? {
        defer { self = Outage() }
        return count > 0 ? count : nil
    }

    private static func kind(of error: any Error) -> String {
        let redis = CurfewError.redis(behind: error)
        guard let redis else { return "\(type(of: error))" }
        // One code may come with more to say of it the second time.
        return redis.server == nil ? "\(redis.code)" : redis.message
    }
}
