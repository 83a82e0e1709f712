/// How long to wait before the next attempt: longer after every failure in a row, and never quite as long as others wait.
package struct Backoff: Sendable, Equatable {
    /// The wait after the first failure.
    package var first: Duration
    /// How much longer each wait is than the one before.
    package var factor: Double
    /// The longest wait.
    package var most: Duration
    /// What a wait is multiplied by, at random: instances that lost the same server at the same moment don't return to
    /// it at the same moment.
    package var spread: ClosedRange<Double>

    /// Makes one: 100 ms, a quarter longer after every failure, up to 10 s, a quarter more or less by chance.
    package init(
        first: Duration = .milliseconds(100), factor: Double = 1.25, most: Duration = .seconds(10),
        spread: ClosedRange<Double> = 0.75...1.25
    ) {
        self.first = first
        self.factor = factor
        self.most = most
        self.spread = spread
    }

    /// The waits between attempts to reach what a configuration names.
    ///
    /// Short with Sentinels: they know in time whom to connect to, and are there to be asked. Short for a node of a
    /// cluster: the others go on meanwhile.
    init(for configuration: RedisConfiguration, isOneOfMany: Bool = false) {
        self.init()
        if case .sentinel = configuration.topology { most = .seconds(1) }
        if isOneOfMany { most = .seconds(1) }
    }

    /// The wait after so many failures in a row.
    ///
    /// - Parameter jitter: a random number from 0 to 1: where in ``spread`` this wait is.
    package func delay(failures: Int, jitter: Double = .random(in: 0...1)) -> Duration {
        var delay = first
        for _ in 1..<max(failures, 1) where delay < most {
            delay = delay * factor
        }
        return min(delay, most) * (spread.lowerBound + jitter * (spread.upperBound - spread.lowerBound))
    }
}

/// The waits of one loop that tries until it succeeds.
package struct Retries: Sendable {
    /// How long the waits are.
    package let backoff: Backoff
    /// How many attempts in a row have failed.
    package private(set) var failures = 0

    /// Makes the waits of a loop that has not failed yet.
    package init(_ backoff: Backoff) { self.backoff = backoff }

    /// An attempt has failed: how long to wait before the next.
    package mutating func failed() -> Duration {
        failures += 1
        return backoff.delay(failures: failures)
    }

    /// An attempt has succeeded: the next failure is the first again.
    package mutating func succeeded() { failures = 0 }
}
