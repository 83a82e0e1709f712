internal import Synchronization

/// Where callers leave their requests for the event loop, from any thread.
///
/// One lock and, for all that arrive while the loop is busy, one wake-up.
final class RedisInbox: Sendable {
    private struct State {
        var requests: [RedisRequest] = []
        /// Commands in `requests`.
        var queued = 0
        /// Commands that the event loop holds.
        var held = 0
        var isWakePending = false
        /// Why no more is taken; nil where it is.
        var closed: RedisError?
        var isConnected = false
        var place: String?
    }

    private let state = Mutex(State())
    private let limit: Int

    init(limit: Int) {
        self.limit = limit
    }

    /// Takes a request in; whether the event loop must be woken to fetch it.
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

    /// Everything that came in since the last call.
    ///
    /// The commands count as held until ``update(held:isConnected:)``.
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

    /// Tells callers how many commands the event loop holds, and whether there is a connection.
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

    /// The server that was connected to last; nil before.
    var place: String? { state.withLock { $0.place } }

    /// Tells callers which server was connected to.
    func connected(to place: String) {
        state.withLock { $0.place = place }
    }

    var isConnected: Bool { state.withLock { $0.isConnected } }
}
