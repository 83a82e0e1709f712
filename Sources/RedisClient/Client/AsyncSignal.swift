internal import Synchronization

/// Lets tasks wait for a change, up to a time limit.
///
/// A task first reads the number of signals, then checks its condition and waits with ``wait(after:atMost:)``, so that
/// no signal is missed in between. If only one task waits, ``wait(atMost:)`` keeps that number for it.
package final class AsyncSignal: Sendable {
    private struct State {
        var count = 0
        /// The number of signals at the end of the last ``wait(atMost:)``.
        var seen = 0
        var waiting: [Int: CheckedContinuation<Void, Never>] = [:]
        var next = 0
    }

    private let state = Mutex(State())

    /// Creates a signal that has not been sent.
    package init() {}

    /// How often it was sent.
    package var count: Int { state.withLock { $0.count } }

    /// Wakes all waiting tasks.
    package func send() {
        let waiting = state.withLock { state in
            defer { state.waiting = [:] }
            state.count += 1
            return state.waiting.values
        }
        for continuation in waiting { continuation.resume() }
    }

    /// Waits for the signal with the next number, at most for the limit; returns at once in a cancelled task.
    package func wait(after count: Int, atMost limit: Duration) async {
        guard limit > .zero, self.count == count else { return }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.signal(after: count) }
            group.addTask {
                do {
                    try await Task.sleep(for: limit)
                } catch {
                    // The signal came first, or the waiting task was cancelled.
                }
            }
            await group.next()
            group.cancelAll()
        }
    }

    /// Waits for the next signal, at most for the limit.
    ///
    /// Returns at once if there was a signal since the last call, or in a cancelled task.
    ///
    /// For a single task only: of two tasks, one would take the other's signal.
    package func wait(atMost limit: Duration) async {
        await wait(after: state.withLock { $0.seen }, atMost: limit)
        // A signal since the wake-up is covered too: the task checks its condition after this.
        state.withLock { $0.seen = $0.count }
    }

    /// Waits for the signal with the next number, or for the end of the task.
    private func signal(after count: Int) async {
        let number = state.withLock { state in
            state.next += 1
            return state.next
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    guard state.count == count, !Task.isCancelled else { return true }
                    state.waiting[number] = continuation
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiting.removeValue(forKey: number) }?.resume()
        }
    }
}
