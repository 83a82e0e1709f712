internal import Synchronization

/// Hands requests from any thread to the event loop.
///
/// It takes one lock and, for all requests that arrive while the loop is busy, one wake-up.
final class RedisInbox: Sendable {
    private struct State {
        var requests: [RedisRequest] = []
        /// The number of commands in `requests`.
        var queued = 0
        /// The number of commands that the event loop has.
        var held = 0
        var isWakePending = false
        /// Why no more requests are accepted; nil if they are.
        var closed: RedisError?
        var isConnected = false
        var place: String?
    }

    private let state = Mutex(State())
    private let limit: Int

    init(limit: Int) {
        self.limit = limit
    }

    /// Adds a request; returns whether the event loop must be woken.
    func add(_ request: RedisRequest) throws(RedisError) -> Bool {
        let result: Result<Bool, RedisError> = state.withLock { state in
            if let reason = state.closed { return .failure(reason) }
            guard state.queued + state.held + request.count <= limit else {
                return .failure(RedisError(.tooManyPending, "more than \(limit) commands would wait for replies"))
            }
            state.requests.append(request)
            state.queued += request.count
            defer { state.isWakePending = true }
            return .success(!state.isWakePending)
        }
        do {
            return try result.get()
        } catch {
            throw error.of(request.name)
        }
    }

    /// All requests since the last call.
    ///
    /// Their commands count as held until ``update(held:isConnected:)``.
    func takeAll() -> [RedisRequest] {
        state.withLock { state in
            defer {
                state.requests = []
                state.held += state.queued
                state.queued = 0
                state.isWakePending = false
            }
            return state.requests
        }
    }

    /// Publishes how many commands the event loop has, and whether there is a connection.
    func update(held: Int, isConnected: Bool) {
        state.withLock {
            $0.held = held
            $0.isConnected = isConnected
        }
    }

    /// Refuses requests from now on.
    func close(because reason: RedisError = .shuttingDown) {
        state.withLock { $0.closed = $0.closed ?? reason }
    }

    /// The server of the last connection; nil before the first one.
    var place: String? { state.withLock { $0.place } }

    /// Publishes the server of the connection.
    func connected(to place: String) {
        state.withLock { $0.place = place }
    }

    var isConnected: Bool { state.withLock { $0.isConnected } }
}
