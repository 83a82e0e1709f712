/// For how long a holder may believe that a lease is still its own.
///
/// A renewal that was answered proves only that the lease was extended some time between sending and answer. Trust
/// therefore counts from the *start* of the last successful attempt, and ends a margin before the lease does, so that
/// what was begun under trust arrives while the lease still stands:
///
///     attempt ──────── answer                            trust ends      lease ends
///        |───────────────── length − margin ───────────────────|── margin ──|
///
/// A refused renewal ends trust at once, and nothing brings it back. The fence in Redis protects the rest: a commit that
/// arrives late all the same is refused. (The rule is the one River documents for its leader election.)
package struct LeaseTrust: Sendable {
    /// What the lease is, in the words of the holder.
    package enum State: Sendable, Equatable {
        /// It is ours until that moment. Can become `held` with a later moment, or `lost`.
        case held(until: ContinuousClock.Instant)
        /// It is not ours any more. Final.
        case lost
    }

    /// What it is at present.
    package private(set) var state: State
    private let length: Duration

    /// Starts with a lease that was just claimed by an attempt begun at that moment.
    package init(length: Duration, claimAttempt: ContinuousClock.Instant) {
        self.length = length
        state = .held(until: claimAttempt.advanced(by: length - Self.margin(of: length)))
    }

    /// The part of a lease in which nothing new is begun: a tenth, at most a second.
    package static func margin(of length: Duration) -> Duration {
        min(length / 10, .seconds(1))
    }

    /// How often it is renewed: three times in its length.
    package static func interval(of length: Duration) -> Duration { length / 3 }

    /// Whether something may be begun at that moment.
    package func isTrusted(at now: ContinuousClock.Instant) -> Bool {
        guard case .held(let end) = state else { return false }
        return now < end
    }

    /// Until when; nil once lost.
    package var end: ContinuousClock.Instant? {
        guard case .held(let end) = state else { return nil }
        return end
    }

    /// A renewal begun at that moment was granted.
    ///
    /// One that is answered after trust has ended comes too late.
    package mutating func renewed(attempt: ContinuousClock.Instant, answer: ContinuousClock.Instant) {
        guard isTrusted(at: answer) else {
            state = .lost
            return
        }
        state = .held(until: attempt.advanced(by: length - Self.margin(of: length)))
    }

    /// A renewal was refused, or trust has run out.
    package mutating func lose() { state = .lost }
}
