internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// Lets tasks wait until something has changed, for a while.
///
/// Whoever is about to look notes the number of rings first, so that no ring is missed between looking and waiting.
final class Bell: Sendable {
    private struct State {
        var rings = 0
        var waiting: [Int: CheckedContinuation<Void, Never>] = [:]
        var next = 0
    }

    private let state = Mutex(State())
    private let eventLoop: any EventLoop = MultiThreadedEventLoopGroup.singleton.any()

    /// How often it has rung.
    var rings: Int { state.withLock { $0.rings } }

    /// Wakes all who wait.
    func ring() {
        let waiting = state.withLock { state in
            defer { state.waiting = [:] }
            state.rings += 1
            return state.waiting.values
        }
        for continuation in waiting { continuation.resume() }
    }

    /// Waits for the ring after so many; at most for a while, and not in a cancelled task.
    func wait(after rings: Int, atMost limit: Duration) async {
        let number = state.withLock { state in
            state.next += 1
            return state.next
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    guard state.rings == rings, !Task.isCancelled else { return true }
                    state.waiting[number] = continuation
                    return false
                }
                guard !isOver else { return continuation.resume() }
                // Never before it waits, or nothing would wake it; a timer that comes late finds nobody.
                eventLoop.scheduleTask(in: TimeAmount(limit)) { self.wake(number) }
            }
        } onCancel: {
            wake(number)
        }
    }

    private func wake(_ number: Int) {
        state.withLock { $0.waiting.removeValue(forKey: number) }?.resume()
    }
}
