internal import NIOCore

// MARK: - The connection

extension RedisNode.StateMachine {
    /// `run()` was called.
    mutating func start() -> [Action] {
        guard state == .idle else { return state == .finished ? [.finish] : [] }
        state = .connecting
        return [.connect]
    }

    /// The connection is authenticated.
    mutating func opened() {
        guard state == .connecting else { return }
        state = .connected
        failures = 0
        trouble = nil
    }

    /// The connection ended, or could not be made.
    mutating func ended(_ error: RedisError, now: NIODeadline) -> [Action] {
        switch state {
        case .connecting: attemptFailed(error, now: now)
        case .connected: lost(error, now: now)
        case .draining: lost(error, now: now)
        case .idle, .backingOff, .finished: []
        }
    }

    /// The delay between two attempts has passed.
    mutating func backoffElapsed() -> [Action] {
        guard state == .backingOff else { return [] }
        state = .connecting
        return [.connect]
    }

    /// No more requests are accepted.
    ///
    /// Sent ones get their replies first.
    mutating func shutdown() -> [Action] {
        switch state {
        case .connected:
            state = .draining
            return failWaiting(.shuttingDown) + settle()
        case .idle, .connecting, .backingOff:
            state = .finished
            return failWaiting(.shuttingDown) + [.close, .finish]
        case .draining, .finished:
            return []
        }
    }

    /// Ends everything at once.
    mutating func cancel(because reason: RedisError = .shuttingDown) -> [Action] {
        guard state != .finished else { return [] }
        state = .finished
        let unknown = RedisError.outcomeUnknown(because: reason)
        let failed = inFlight.map { Action.fail($0, unknown, mayHaveRun: true) }
        commandCount -= Self.remove(from: &inFlight) { _ in true }
        return failed + failWaiting(reason) + [.close, .finish]
    }

    /// A failed attempt: the first failure reaches waiting callers, so that a mistyped address is noticed at once.
    ///
    /// After a loss, requests wait for a while for the connection to come back; they don't wait for a server that
    /// refused the client.
    private mutating func attemptFailed(_ error: RedisError, now: NIODeadline) -> [Action] {
        state = .backingOff
        failures += 1
        trouble = error
        let isRefused = error.code != .unreachable && error.code != .notPrimary
        let isHopeless = isRefused || outageLimit == nil
        let hope = patience
        let failed = failWaiting(error) { isHopeless || $0.started >= hope }
        return failed + [.backOff(failures: failures)]
    }

    /// Commands that were sent may have run: only idempotent ones are kept, to be sent again before all others.
    mutating func lost(_ error: RedisError, now: NIODeadline) -> [Action] {
        var actions: [Action] = []
        let unknown = RedisError.outcomeUnknown(because: error)
        let isEnding = state == .draining
        let isRepeating = !isEnding && outageLimit != nil
        replies = []
        for request in inFlight where !isRepeating || !request.isIdempotent {
            actions.append(.fail(request, unknown, mayHaveRun: true))
            commandCount -= request.count
        }
        if isRepeating {
            waiting = CircularBuffer(Array(inFlight.filter(\.isIdempotent)) + Array(waiting))
        }
        inFlight.removeAll()
        guard !isEnding else {
            state = .finished
            return actions + [.close, .finish]
        }
        state = .backingOff
        failures = 1
        patience = outageLimit.map { now + $0 } ?? .uptimeNanoseconds(0)
        trouble = RedisError(.unreachable, error.message, address: error.address, underlying: error)
        return actions + [.backOff(failures: failures)]
    }

    private mutating func failWaiting(
        _ error: RedisError,
        where isHopeless: (RedisRequest) -> Bool = { _ in true }
    ) -> [Action] {
        let failed = waiting.filter(isHopeless).map { Action.fail($0, error, mayHaveRun: false) }
        commandCount -= Self.remove(from: &waiting, where: isHopeless)
        return failed
    }
}

extension RedisError {
    static let shuttingDown = RedisError(.shuttingDown, "the client is shutting down")

    static func noReply(within timeout: Duration) -> RedisError {
        RedisError(.timedOut, "no reply within \(timeout); outcome unknown")
    }

    static func noConnection(within timeout: Duration) -> RedisError {
        RedisError(.timedOut, "no connection within \(timeout)")
    }

    static func outcomeUnknown(because reason: RedisError) -> RedisError {
        RedisError(
            .outcomeUnknown,
            "the connection was lost before the reply arrived; outcome unknown (\(reason.message))",
            address: reason.address,
            underlying: reason
        )
    }
}
