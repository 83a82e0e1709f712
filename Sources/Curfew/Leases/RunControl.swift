internal import RedisClient
internal import Synchronization

/// What stands between a run and the world: its lease, its time limit, a wish to stop, and how far it is.
///
/// The sweep asks ``checkpoint()`` before everything it begins; the lease keeper, the worker and people set the reasons
/// to stop. The first reason stays.
package final class RunControl: Sendable {
    /// Why a run stops before it is through.
    package enum Stop: Error, Sendable, Equatable {
        /// The lease is not ours any more, or can't be trusted.
        case lost
        /// A person cancelled it.
        case cancelled(by: String)
        /// It has used up its `run-timeout`.
        case timedOut
        /// The instance is going down; another continues.
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

    /// How far a run is, as published in its lease.
    package struct Progress: Sendable, Equatable {
        /// Numbers so far.
        package var found = 0, changed = 0, retried = 0, skipped = 0, failed = 0
        /// Tokens given back so far.
        package var refunded: Int64 = 0
        /// Done of what was due at the start, 0…100.
        package var percent = 0
        /// What it is doing.
        package var step = "claimed"
    }

    private let state: Mutex<State>

    /// Makes the control for a run that began now; `trust` is nil for a preview, which holds no lease.
    package init(trust: LeaseTrust?, timeout: Duration) {
        let now = ContinuousClock.now
        state = Mutex(State(trust: trust, deadline: now.advanced(by: timeout), lastProgress: now))
    }

    /// Throws where the run must not begin anything more.
    package func checkpoint() throws(Stop) {
        if let stop = stopReason() { throw stop }
    }

    /// The reason to stop, if there is one by now.
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

    /// Asks the run to stop after the page in hand.
    package func stop(_ reason: Stop) {
        state.withLock { state in
            if state.stop == nil || reason == .lost { state.stop = reason }
        }
    }

    /// A renewal begun at that moment was granted.
    func renewed(attempt: ContinuousClock.Instant) {
        state.withLock { $0.trust?.renewed(attempt: attempt, answer: .now) }
    }

    /// The run got on; a run that doesn't loses its lease.
    package func advance(_ change: (inout Progress) -> Void) {
        state.withLock { state in
            change(&state.snapshot)
            state.lastProgress = .now
        }
    }

    /// How far it is.
    package var progress: Progress { state.withLock { $0.snapshot } }

    /// What ended the run, or kept its end from being recorded, where that was no record's fault and nobody's wish.
    ///
    /// A command finds its exit code by it.
    package var failure: CurfewError? { state.withLock { $0.failure } }

    /// The run failed; the first failure stays.
    func failed(_ error: any Error) {
        let failure = CurfewError(thrown: error) ?? CurfewError(.damaged, "\(error)")
        state.withLock { $0.failure = $0.failure ?? failure }
    }

    /// Whether the run was refused because its name stands for something else on others.
    var isContested: Bool { state.withLock { $0.isContested } }

    /// The run is refused: its name stands for something else on others.
    func contested() {
        state.withLock { $0.isContested = true }
    }

    /// A number for a page, or a part of one, that no other of the run has.
    func nextPage() -> Int {
        state.withLock { state in
            state.pages += 1
            return state.pages
        }
    }

    /// For how long nothing has moved.
    var idle: Duration { state.withLock { $0.lastProgress.duration(to: .now) } }

    /// Until when the lease is trusted.
    var trustEnd: ContinuousClock.Instant? { state.withLock { $0.trust?.end } }
}

/// What a committer asks and says.
extension RunControl: CommitControl {
    func mayContinue() throws { try checkpoint() }

    var obstacle: (any Error)? { stopReason() }

    var loss: (any Error)? { stopReason() == .lost ? Stop.lost : nil }

    func isFinishing() { advance { $0.step = "unfinished" } }
}
