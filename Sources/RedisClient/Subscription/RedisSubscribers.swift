internal import Synchronization

/// The subscriptions of a client, which end with it.
final class RedisSubscribers: Sendable {
    private struct State {
        var ends: [Int: @Sendable () -> Void] = [:]
        var next = 0
        var isEnded = false
    }

    private let state = Mutex(State())

    /// Registers the end of a subscription; calls it at once if all have been ended.
    ///
    /// Returns the number to remove it by.
    func add(_ end: @escaping @Sendable () -> Void) -> Int {
        let (number, isEnded) = state.withLock { state in
            state.next += 1
            if !state.isEnded { state.ends[state.next] = end }
            return (state.next, state.isEnded)
        }
        if isEnded { end() }
        return number
    }

    /// Removes a subscription that has ended.
    func remove(_ number: Int) {
        state.withLock { _ = $0.ends.removeValue(forKey: number) }
    }

    /// Ends all subscriptions, including later ones.
    func endAll() {
        let ends = state.withLock { state in
            defer { state.ends = [:] }
            state.isEnded = true
            return Array(state.ends.values)
        }
        for end in ends { end() }
    }
}
