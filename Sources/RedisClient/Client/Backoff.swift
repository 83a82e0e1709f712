/// How long to wait before the next attempt to connect: 100 ms, a quarter longer after every failure, up to 10 s.
struct Backoff: Sendable {
    /// The wait before the second attempt.
    var first = Duration.milliseconds(100)
    /// How much longer each wait is than the one before.
    var factor = 1.25
    /// The longest wait.
    var most = Duration.seconds(10)

    /// The waits between attempts to reach what a configuration names.
    ///
    /// Short with Sentinels: they know in time whom to connect to, and are there to be asked. Short for a node of a
    /// cluster: the others go on meanwhile.
    init(for configuration: RedisConfiguration, isOneOfMany: Bool = false) {
        if case .sentinel = configuration.topology { most = .seconds(1) }
        if isOneOfMany { most = .seconds(1) }
    }

    /// The usual waits.
    init() {}

    /// The wait after so many failures in a row.
    ///
    /// - Parameter jitter: a random number from 0 to 1; it moves the wait by a quarter at most, so that instances which
    ///   lost the same server at the same moment don't return to it at the same moment.
    func delay(failures: Int, jitter: Double) -> Duration {
        var delay = first
        for _ in 1..<max(failures, 1) where delay < most {
            delay = delay * factor
        }
        return min(delay, most) * (0.75 + jitter / 2)
    }
}
