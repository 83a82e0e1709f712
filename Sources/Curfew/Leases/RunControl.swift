package import Policies
internal import RedisClient
internal import Synchronization

/// Controls a run from outside: its lease, its time limit, requests to stop, and its progress.
///
/// The sweep calls ``checkpoint()`` before each step. The lease keeper, the worker and people set reasons to stop; the
/// first reason stays.
package final class RunControl: Sendable {
    /// Why a run stops before its end.
    package enum Stop: Error, Sendable, Equatable {
        /// The lease is lost or can't be trusted.
        case lost
        /// A person cancelled it.
        case cancelled(by: String)
        /// Its `run-timeout` has passed.
        case timedOut
        /// The instance is shutting down; another one continues.
        case handedOver
    }

    private struct State {
        var trust: LeaseTrust?
        var stop: Stop?
        var deadline: ContinuousClock.Instant
        var lastProgress: ContinuousClock.Instant
        var snapshot = Progress()
        var failure: CurfewError?
        var pages = 0
        var isContested = false
    }

    /// The progress of a run, as published in its lease.
    package struct Progress: Sendable, Equatable {
        /// The counters so far.
        package var found = 0, changed = 0, retried = 0, skipped = 0, failed = 0
        /// Tokens refunded so far.
        package var refunded: Amount = 0
        /// The share of the records due at the start that is done, 0…100.
        package var percent = 0
        /// The current step.
        package var step = "claimed"
    }

    private let state: Mutex<State>

    /// Creates the control of a run that starts now; `trust` is nil for a preview, which has no lease.
    package init(trust: LeaseTrust?, timeout: Duration) {
        let now = ContinuousClock.now
        state = Mutex(State(trust: trust, deadline: now.advanced(by: timeout), lastProgress: now))
    }

    /// Throws if the run must not start anything new.
    package func checkpoint() throws(Stop) {
        if let stop = stopReason() { throw stop }
    }

    /// The reason to stop, if there is one.
    package func stopReason() -> Stop? {
        state.withLock { state in
            if let stop = state.stop { return stop }
            let now = ContinuousClock.now
            if let trust = state.trust, !trust.isTrusted(at: now) {
                state.stop = .lost
            } else if now >= state.deadline {
                state.stop = .timedOut
            }
            return state.stop
        }
    }

    /// Asks the run to stop after its current page.
    package func stop(_ reason: Stop) {
        state.withLock { state in
            if state.stop == nil || reason == .lost { state.stop = reason }
        }
    }

    /// A renewal started at that moment was granted.
    func renewed(attempt: ContinuousClock.Instant) {
        state.withLock { $0.trust?.renewed(attempt: attempt, answer: .now) }
    }

    /// Records progress; a run without progress loses its lease.
    package func advance(_ change: (inout Progress) -> Void) {
        state.withLock { state in
            change(&state.snapshot)
            state.lastProgress = .now
        }
    }

    /// The current progress.
    package var progress: Progress { state.withLock { $0.snapshot } }

    /// The error that ended the run or prevented recording its end, unless it was a record's error or a request to
    /// stop.
    ///
    /// It decides the exit code of a command.
    package var failure: CurfewError? { state.withLock { $0.failure } }

    /// Records a failure of the run; the first failure stays.
    func failed(_ error: any Error) {
        let failure = CurfewError(thrown: error) ?? CurfewError(.damaged, "\(error)")
        state.withLock { $0.failure = $0.failure ?? failure }
    }

    /// Whether the run was refused because other instances use its name for other records.
    var isContested: Bool { state.withLock { $0.isContested } }

    /// Records that the run was refused because other instances use its name for other records.
    func contested() {
        state.withLock { $0.isContested = true }
    }

    /// A number that is unique among the pages of the run, or parts of pages.
    func nextPage() -> Int {
        state.withLock { state in
            state.pages += 1
            return state.pages
        }
    }

    /// How long there was no progress.
    var idle: Duration { state.withLock { $0.lastProgress.duration(to: .now) } }

    /// When trust in the lease ends.
    var trustEnd: ContinuousClock.Instant? { state.withLock { $0.trust?.end } }
}

/// What a committer asks and says.
extension RunControl: CommitControl {
    func mayContinue() throws { try checkpoint() }

    var obstacle: (any Error)? { stopReason() }

    var loss: (any Error)? { stopReason() == .lost ? Stop.lost : nil }

    func isFinishing() { advance { $0.step = "unfinished" } }
}
