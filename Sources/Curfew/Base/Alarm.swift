internal import Synchronization

/// A sleep that can be cut short.
///
/// One task waits, any number ring.
///
/// A ring while nobody waits is kept: the next wait returns at once, so that no wake-up is lost between a look at the
/// schedule and the sleep after it.
final class Alarm: Sendable {
    private struct State {
        var isRung = false
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    /// Ends the present wait, or the next.
    func ring() {
        let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
            state.isRung = state.waiter == nil
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    /// Waits that long, or until somebody rings, or the task is cancelled.
    func wait(for duration: Duration) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                do {
                    try await Task.sleep(for: duration)
                    self.ring()
                } catch {
                    // Cancelled: somebody rang first.
                }
            }
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    let isRung = self.state.withLock { state -> Bool in
                        if state.isRung {
                            state.isRung = false
                            return true
                        }
                        state.waiter = continuation
                        return false
                    }
                    if isRung { continuation.resume() }
                }
            } onCancel: {
                self.ring()
            }
            group.cancelAll()
        }
    }
}
