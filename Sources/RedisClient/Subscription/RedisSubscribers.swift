internal import Synchronization

/// The subscriptions of a client, to be ended with it.
final class RedisSubscribers: Sendable {
    private struct State {
        var ends: [Int: @Sendable () -> Void] = [:]
        var next = 0
        var isEnded = false
    }

    private let state = Mutex(State())

    /// Registers what ends a subscription; at once, where all have been ended.
    ///
    /// Answers the number to remove it by.
    func add(_ end: @escaping @Sendable () -> Void) -> Int {
        let (number, isEnded) = state.withLock { state in
            state.next += 1
            if !state.isEnded { state.ends[state.next] = end }
            return (state.next, state.isEnded)
        }
        if isEnded { end() }
        return number
    }

    /// Forgets a subscription that has ended.
    func remove(_ number: Int) {
        state.withLock { _ = $0.ends.removeValue(forKey: number) }
    }

    /// Ends all of them, and every one that comes later.
    func endAll() {
        let ends = state.withLock { state in
            defer { state.ends = [:] }
            state.isEnded = true
            return Array(state.ends.values)
        }
        for end in ends { end() }
    }
}
