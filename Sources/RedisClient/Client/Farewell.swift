internal import NIOCore

/// The end of a program that is shutting down: a server that answers is waited for, a silent one isn't.
struct Farewell {
    /// How long the server may be silent.
    let limit: Duration
    private var lastHeard = NIODeadline.now()

    init(limit: Duration) {
        self.limit = limit
    }

    /// The server has answered.
    mutating func heard() {
        lastHeard = .now()
    }

    /// Whether a request has waited that long without any answer.
    func isSilent(_ machine: RedisNode.StateMachine, now: NIODeadline = .now()) -> Bool {
        // A request that waits for a connection is waiting for an answer too.
        let waiting = machine.state == .connected ? nil : machine.waiting.first
        guard let oldest = machine.inFlight.first ?? waiting else { return false }
        return max(lastHeard, oldest.started) + TimeAmount(limit) <= now
    }
}

extension RedisError {
    /// The error of everything after a ``Farewell``.
    static func silent(for limit: Duration, at address: String?) -> RedisError {
        RedisError(.shuttingDown, "shutting down, and no answer within \(limit)", address: address)
    }
}
