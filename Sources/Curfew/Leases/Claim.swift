package import Policies

/// The right to run a cleanup once: a lease with its fence.
///
/// It exists only as the answer of a successful claim.
package struct Claim: Sendable {
    /// What is to be run.
    package let cleanup: String
    /// The id of the run: cleanup and fence.
    package let run: String
    /// The number of the lease, which grows with every lease of the cleanup.
    package let fence: String
    /// What every write of the run carries: the fence, who has it, and when it was given.
    ///
    /// A primary that is being replaced may give a number that its successor gives too. A library of an older version
    /// knows no more than the number.
    let term: String
    /// When the cleanup was due.
    package let due: Timestamp
    /// For how long it could have been claimed: since it was due or, where it replaces a run, since that one's lease ended.
    package let lateness: Duration
    /// When the lease was given.
    package let acquired: Timestamp
    /// What caused the run, such as `schedule` or `manual`.
    package let trigger: String
    /// Whether it only watches.
    package let isDryRun: Bool
    /// The run whose lease had run out and that this one replaces, if any.
    package let replaces: String?
    /// What was before it.
    var memory = RunMemory()
    /// When the attempt that gave the lease was begun, on the clock of this machine.
    let attempt: ContinuousClock.Instant
}

extension Claim {
    /// The lease that its writes are made under.
    func leaseTerm(_ keys: Keys) -> LeaseTerm { LeaseTerm(key: keys.lease(cleanup), term: term) }
}

/// What a tick found.
package struct TickAnswer: Sendable {
    /// What became of the wish to run something.
    package enum Outcome: Sendable {
        /// Nothing to run.
        case nothing
        /// The cleanup is ours to run.
        case claimed(Claim)
        /// Somebody else runs it, under that run, until its lease ends at the latest.
        case held(by: String, run: String, until: Timestamp)
        /// It is paused, and this is the JSON of who, when and why.
        case paused(String)
    }

    /// What became of the wish to run something.
    package let outcome: Outcome
    /// The server's time.
    package let clock: ServerClock
    /// How long there is nothing to do.
    package let sleep: Duration
    /// The cleanups that ought to have run, and since when they ought to.
    package let overdue: [String: Duration]
    /// The version of the function library that answered.
    package let version: String
    /// How long the call took.
    package let roundTrip: Duration
}
