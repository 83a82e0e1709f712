internal import NIOCore

//            start                opened                    shutdown
//   idle ───────────► connecting ─────────► connected ──────────────────► draining
//                      ▲      │ failed          │ lost                       │ last reply, lost, cancelled
//              elapsed │      ▼                 │                            ▼
//                     backing off ◄─────────────┘        any ──cancel──► finished
//
// Shutdown in any other state ends at once, because no waiting request has been sent.

extension RedisNode {
    /// The state of requests while the connection comes and goes.
    ///
    /// Events go in, actions come out.
    struct StateMachine {
        /// The state of the connection.
        enum State: Equatable {
            /// `run()` was not called yet. Requests wait. Becomes `connecting` or `finished`.
            case idle
            /// A connection is being made or authenticated. Requests wait. Becomes `connected`, `backingOff` or
            /// `finished`.
            case connecting
            /// Requests are written as they arrive. Becomes `backingOff`, `draining` or `finished`.
            case connected
            /// The next attempt is due later. Becomes `connecting` or `finished`.
            case backingOff
            /// No more requests are accepted; sent ones wait for their replies. Becomes `finished`.
            case draining
            /// Over. Every request fails.
            case finished
        }

        /// The actions of the shell, in order.
        enum Action {
            /// Open a connection.
            case connect
            /// Report the end of the delay after that many consecutive failures.
            case backOff(failures: Int)
            /// Close the connection without reporting its end.
            case close
            /// Fail the request. `mayHaveRun`: it had been sent.
            case fail(RedisRequest, RedisError, mayHaveRun: Bool)
            /// Let `run()` return.
            case finish
        }

        /// The effect of a reply.
        enum Reply {
            /// The oldest request has more replies to come.
            case partial
            /// The oldest request is complete.
            case whole(RedisRequest, [RedisValue])
            /// There is no request for it.
            case unsolicited
        }

        var state = State.idle
        /// Requests that aren't written yet, oldest first.
        var waiting = CircularBuffer<RedisRequest>()
        /// Requests that are written and not fully answered, oldest first.
        var inFlight = CircularBuffer<RedisRequest>()
        /// The replies to the oldest request so far.
        var replies: [RedisValue] = []
        /// The number of commands of all requests.
        var commandCount = 0
        /// The earliest deadline, or an earlier time.
        var earliestDeadline: NIODeadline?
        var failures = 0
        /// Why there is no connection; nil while there is one, and before the first attempt has failed.
        var trouble: RedisError?
        /// Until when requests wait for the connection to come back.
        ///
        /// It is in the past if there was never a connection.
        var patience = NIODeadline.uptimeNanoseconds(0)
        /// How long requests wait for a lost connection before they fail at once.
        ///
        /// Nil for one node of several: then no request waits after a failed attempt, and none is sent again.
        let outageLimit: TimeAmount?

        init(outageLimit: Duration?) {
            self.outageLimit = outageLimit.map { TimeAmount($0) }
        }
    }
}

// MARK: - Requests

extension RedisNode.StateMachine {
    /// Adds a request.
    mutating func enqueue(_ request: RedisRequest, now: NIODeadline) -> [Action] {
        switch state {
        case .draining, .finished:
            return [.fail(request, .shuttingDown, mayHaveRun: false)]
        case .backingOff:
            if let trouble, patience <= now { return [.fail(request, trouble, mayHaveRun: false)] }
        case .idle, .connecting, .connected:
            break
        }
        waiting.append(request)
        commandCount += request.count
        earliestDeadline = min(earliestDeadline ?? .distantFuture, request.deadline)
        return []
    }

    /// Everything to be written now, in one piece, if there is a connection; its requests are then in flight.
    ///
    /// Cancelled requests are dropped; those whose predecessor isn't finished stay.
    mutating func takeWritable() -> ByteBuffer? {
        guard state == .connected, !waiting.isEmpty else { return nil }
        var batch: ByteBuffer?
        var held: [RedisRequest] = []
        let capacity = waiting.reduce(0) { $0 + $1.bytes.readableBytes }
        while let request = waiting.popFirst() {
            guard !request.isFinished else {
                commandCount -= request.count
                continue
            }
            guard !request.isHeldBack else {
                held.append(request)
                continue
            }
            request.markWritten()
            inFlight.append(request)
            if batch == nil {
                batch = request.bytes
                if capacity > request.bytes.readableBytes { batch?.reserveCapacity(capacity) }
            } else {
                batch?.writeImmutableBuffer(request.bytes)
            }
        }
        waiting.append(contentsOf: held)
        return batch
    }

    /// Processes the next reply.
    mutating func received(_ value: RedisValue) -> Reply {
        guard let request = inFlight.first else { return .unsolicited }
        if replies.isEmpty { replies.reserveCapacity(request.count) }
        replies.append(value)
        guard replies.count == request.count else { return .partial }
        inFlight.removeFirst()
        commandCount -= request.count
        defer { replies = [] }
        return .whole(request, replies)
    }

    /// Puts an answered request back, to be sent again before all others; returns whether there will be a connection
    /// for it.
    mutating func putBack(_ request: RedisRequest) -> Bool {
        guard state == .connected, !request.isFinished else { return false }
        waiting.prepend(request)
        commandCount += request.count
        return true
    }

    /// Ends a shutdown once the last reply has arrived.
    mutating func settle() -> [Action] {
        guard state == .draining, inFlight.isEmpty else { return [] }
        state = .finished
        return [.close, .finish]
    }

    /// Fails requests whose deadline has passed.
    ///
    /// If one was sent, its connection is closed, because a late reply could be mistaken for the next one.
    ///
    /// - Parameter silence: the message for a connection on which the server has been silent for so long.
    mutating func deadlinePassed(
        now: NIODeadline, silence: (Duration) -> String? = { _ in nil }
    ) -> [Action] {
        var actions: [Action] = []
        if inFlight.contains(where: { $0.deadline <= now }) {
            for request in inFlight where request.deadline <= now {
                actions.append(.fail(request, .noReply(within: request.timeout), mayHaveRun: true))
            }
            commandCount -= Self.remove(from: &inFlight) { $0.deadline <= now }
            actions.append(.close)
            actions += lost(RedisError(.timedOut, "another command was not answered in time"), now: now)
        }
        for request in waiting where request.deadline <= now {
            let silent = silence(request.timeout).map { RedisError(.timedOut, $0) }
            let error = trouble ?? silent ?? .noConnection(within: request.timeout)
            actions.append(.fail(request, error, mayHaveRun: false))
        }
        commandCount -= Self.remove(from: &waiting) { $0.deadline <= now }
        earliestDeadline = (Array(inFlight) + Array(waiting)).map(\.deadline).min()
        return actions
    }

    /// Removes requests; returns their number of commands.
    static func remove(
        from requests: inout CircularBuffer<RedisRequest>,
        where isGone: (RedisRequest) -> Bool
    ) -> Int {
        let count = requests.reduce(0) { isGone($1) ? $0 + $1.count : $0 }
        requests.removeAll(where: isGone)
        return count
    }
}
