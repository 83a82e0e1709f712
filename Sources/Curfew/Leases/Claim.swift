package import Policies

/// The right to run a cleanup once: a lease with its fence.
///
/// It is only created from the answer of a successful claim.
package struct Claim: Sendable {
    /// The cleanup.
    package let cleanup: String
    /// The id of the run: cleanup and fence.
    package let run: String
    /// The fence, which grows with every lease of the cleanup.
    package let fence: String
    /// The term that every write of the run carries: the fence, the holder, and when the lease was granted.
    ///
    /// A primary that is being replaced may grant a fence that its successor grants too. Libraries of older versions
    /// know the fence only.
    let term: String
    /// When the cleanup was due.
    package let due: Timestamp
    /// How long it could have been claimed: since it was due or, if it replaces a run, since the lease of that run
    /// ended.
    package let lateness: Duration
    /// When the lease was granted.
    package let acquired: Timestamp
    /// The trigger of the run, such as `schedule` or `manual`.
    package let trigger: String
    /// Whether it is a dry run.
    package let isDryRun: Bool
    /// The run that it replaces because its lease expired, if any.
    package let replaces: String?
    /// What was before it.
    var memory = RunMemory()
    /// When the attempt that got the lease was started, on the clock of this machine.
    let attempt: ContinuousClock.Instant
}

extension Claim {
    /// The lease that its writes are made under.
    func leaseTerm(_ keys: Keys) -> LeaseTerm { LeaseTerm(key: keys.lease(cleanup), term: term) }
}

/// The answer of a tick or a claim.
package struct TickAnswer: Sendable {
    /// The result of a claim.
    package enum Outcome: Sendable {
        /// There is nothing to run.
        case nothing
        /// This instance has the claim.
        case claimed(Claim)
        /// Another instance runs it, with that run, until its lease ends at the latest.
        case held(by: String, run: String, until: Timestamp)
        /// The cleanup is paused; the JSON contains who paused it, when and why.
        case paused(String)
    }

    /// The result of the claim; of a tick, the first one.
    package internal(set) var outcome = Outcome.nothing
    /// The claims that this instance has.
    var claims: [Claim] = []
    /// The server's time.
    package let clock: ServerClock
    /// What to look at next, and when.
    var agenda = Agenda(end: .now)
    /// The overdue cleanups, and since when; empty unless this instance looks for them.
    var overdue: [String: Duration] = [:]
    /// Whether there may be more of these.
    var isPartial = false
    /// Whether Redis had forgotten what this instance may claim, or never known it.
    var hasRegistered = false
    /// Why cleanups that are due can't be claimed.
    var flaws: [String: String] = [:]
    /// What the next tick can step over.
    var cursor = TickCursor.start
    /// How many living instances have the same registration.
    var mates = 1
    /// How many cleanups owe a run, if this instance looks for what is overdue; nil if another one does, or there are no
    /// alerts on it.
    var owing: Int?
    /// The version of the function library that answered.
    package let version: String
    /// The duration of the call.
    package let roundTrip: Duration
}
