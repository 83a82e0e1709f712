/// How long a holder may trust its lease.
///
/// An answered renewal only proves that the lease was extended some time between sending and answer. So trust counts
/// from the *start* of the last successful attempt, and ends a margin before the lease does. Then everything started
/// under trust arrives while the lease is valid:
///
///     attempt ──────── answer                            trust ends      lease ends
///        |───────────────── length − margin ───────────────────|── margin ──|
///
/// A refused renewal ends trust at once and for good. The fence in Redis protects against the rest: a commit that
/// arrives too late is refused. (River documents the same rule for its leader election.)
package struct LeaseTrust: Sendable {
    /// The state of the lease as the holder knows it.
    package enum State: Sendable, Equatable {
        /// It is trusted until that moment. Becomes `held` with a later moment, or `lost`.
        case held(until: ContinuousClock.Instant)
        /// It is lost. Final.
        case lost
    }

    /// The current state.
    package private(set) var state: State
    private let length: Duration

    /// Starts with a lease that was claimed by an attempt started at that moment.
    package init(length: Duration, claimAttempt: ContinuousClock.Instant) {
        self.length = length
        state = .held(until: claimAttempt.advanced(by: length - Self.margin(of: length)))
    }

    /// The last part of a lease, in which nothing new is started: a tenth, at most a second.
    package static func margin(of length: Duration) -> Duration {
        min(length / 10, .seconds(1))
    }

    /// The interval of renewals: three per lease.
    package static func interval(of length: Duration) -> Duration { length / 3 }

    /// Whether something may be started at that moment.
    package func isTrusted(at now: ContinuousClock.Instant) -> Bool {
        guard case .held(let end) = state else { return false }
        return now < end
    }

    /// When trust ends; nil if the lease is lost.
    package var end: ContinuousClock.Instant? {
        guard case .held(let end) = state else { return nil }
        return end
    }

    /// A renewal started at that moment was granted.
    ///
    /// An answer after the end of trust is too late.
    package mutating func renewed(attempt: ContinuousClock.Instant, answer: ContinuousClock.Instant) {
        guard isTrusted(at: answer) else {
            state = .lost
            return
        }
        state = .held(until: attempt.advanced(by: length - Self.margin(of: length)))
    }

    /// A renewal was refused, or trust has ended.
    package mutating func lose() { state = .lost }
}
