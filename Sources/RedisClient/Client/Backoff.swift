/// The delays between attempts: growing with every consecutive failure, with random jitter.
package struct Backoff: Sendable, Equatable {
    /// The delay after the first failure.
    package var first: Duration
    /// The factor between two delays.
    package var factor: Double
    /// The longest delay.
    package var most: Duration
    /// The range of the random factor: instances that lost the same server at the same moment must not return at the
    /// same moment.
    package var spread: ClosedRange<Double>

    /// Creates delays; by default 100 ms, growing by a quarter up to 10 s, with a jitter of a quarter.
    package init(
        first: Duration = .milliseconds(100), factor: Double = 1.25, most: Duration = .seconds(10),
        spread: ClosedRange<Double> = 0.75...1.25
    ) {
        self.first = first
        self.factor = factor
        self.most = most
        self.spread = spread
    }

    /// The delays between attempts to reach the servers of a configuration.
    ///
    /// They are short: a server that is back must be found again within the second that a takeover may take beside the
    /// lease, and an attempt a second costs nobody anything.
    init(for configuration: RedisConfiguration, isOneOfMany: Bool = false) {
        self.init()
        most = .seconds(1)
    }

    /// The delay after a number of consecutive failures.
    ///
    /// - Parameter jitter: a random number from 0 to 1, the position within ``spread``.
    package func delay(failures: Int, jitter: Double = .random(in: 0...1)) -> Duration {
        var delay = first
        for _ in 1..<max(failures, 1) where delay < most {
            delay = delay * factor
        }
        return min(delay, most) * (spread.lowerBound + jitter * (spread.upperBound - spread.lowerBound))
    }
}

/// The delays of one loop that tries until it succeeds.
package struct Retries: Sendable {
    /// The delays.
    package let backoff: Backoff
    /// The number of consecutive failures.
    package private(set) var failures = 0

    /// Creates the delays of a loop without failures.
    package init(_ backoff: Backoff) { self.backoff = backoff }

    /// Records a failed attempt; returns the delay before the next one.
    package mutating func failed() -> Duration {
        failures += 1
        return backoff.delay(failures: failures)
    }

    /// Records a success: the next failure counts as the first.
    package mutating func succeeded() { failures = 0 }
}
