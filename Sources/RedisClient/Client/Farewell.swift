internal import NIOCore

/// The end of a program that was told to end: a server that answers is heard out, and one that is silent isn't waited for.
struct Farewell {
    /// For how long it may say nothing.
    let limit: Duration
    private var lastHeard = NIODeadline.now()

    init(limit: Duration) {
        self.limit = limit
    }

    /// The server has said something.
    mutating func heard() {
        lastHeard = .now()
    }

    /// Whether somebody has waited for that long and nothing has come.
    func isSilent(_ machine: RedisNode.StateMachine, now: NIODeadline = .now()) -> Bool {
        // What waits on a connection waits for an answer to what was sent.
        let waiting = machine.state == .connected ? nil : machine.waiting.first
        guard let oldest = machine.inFlight.first ?? waiting else { return false }
        return max(lastHeard, oldest.begun) + TimeAmount(limit) <= now
    }
}

extension RedisError {
    /// Why nothing more is sent after a ``Farewell``.
    static func silent(for limit: Duration, at address: String?) -> RedisError {
        RedisError(.shuttingDown, "told to end, and no answer within \(limit)", address: address)
    }
}
