internal import Synchronization

/// What a client is doing: whether it is open, and the runs that its end waits for.
final class ClientWork: Sendable {
    private struct State {
        var isClosed = false
        var next = 0
        var runs: [Int: RunInHand] = [:]
    }

    private let state = Mutex(State())

    /// Throws if the client was closed.
    func check() throws(CurfewError) {
        if state.withLock(\.isClosed) { throw Self.closed }
    }

    /// The error of every call from the end on.
    static let closed = CurfewError(
        .closed, "this client was closed: expected a call before close(), or within the body of withClient")

    /// Notes a run that is about to be claimed.
    func begin(_ run: RunInHand) throws(CurfewError) -> Int {
        let number = state.withLock { state -> Int? in
            guard !state.isClosed else { return nil }
            state.next += 1
            state.runs[state.next] = run
            return state.next
        }
        guard let number else { throw Self.closed }
        return number
    }

    /// A run has ended, or wasn't claimed.
    func ended(_ number: Int) {
        state.withLock { $0.runs[number] = nil }
    }

    /// Closes; returns the runs that are still there.
    func close() -> [RunInHand] {
        state.withLock { state in
            state.isClosed = true
            return Array(state.runs.values)
        }
    }
}

/// A run from before its claim to its end, which may be asked to stop at any time.
///
/// It goes on in a task of its own: whoever waits for it may be cancelled, and the run still finishes its page and gives
/// its lease back.
final class RunInHand: Sendable {
    private struct State {
        var control: RunControl?
        var stop: RunControl.Stop?
        var hasEnded = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    /// The run was claimed.
    func claimed(_ control: RunControl) {
        let stop = state.withLock { state in
            state.control = control
            return state.stop
        }
        if let stop { control.stop(stop) }
    }

    /// Asks it to stop after its page, also where it isn't claimed yet.
    func stop(_ reason: RunControl.Stop) {
        let control = state.withLock { state in
            state.stop = state.stop ?? reason
            return state.control
        }
        control?.stop(reason)
    }

    /// Whether it was asked to stop.
    var isStopping: Bool { state.withLock { $0.stop != nil } }

    /// It has ended.
    func end() {
        let waiting = state.withLock { state in
            state.hasEnded = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    /// Waits for its end.
    func wait() async {
        await withCheckedContinuation { continuation in
            let hasEnded = state.withLock { state in
                if !state.hasEnded { state.waiting.append(continuation) }
                return state.hasEnded
            }
            if hasEnded { continuation.resume() }
        }
    }
}
