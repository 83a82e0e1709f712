internal import Logging
internal import NIOCore

extension RedisNode {
    /// The shell of the state machine, on the event loop: takes requests from the inbox, writes them to the connection,
    /// and executes the machine's actions.
    final class Core {
        private var machine: StateMachine
        private let configuration: RedisConfiguration
        private let sentinels: NIOLoopBoundBox<SentinelWatch>?
        private let onTrouble: (@Sendable () -> Void)?
        /// Whether the address was announced by other nodes and never reached.
        private var isUnconfirmed: Bool
        private let inbox: RedisInbox
        private let eventLoop: any EventLoop
        private let logger: Logger
        private let backoff: Backoff
        private var connection: RedisConnectionHandler?
        /// The addresses of the server's name; nil if another source decides where the server is.
        private let addresses: NamedAddresses?
        /// Why the connection is being left; nothing more is written to it.
        private var demotion: RedisError?
        private var deadlineTimer: (deadline: NIODeadline, task: Scheduled<Void>)?
        private var backoffTimer: Scheduled<Void>?
        private var silenceTimer: Scheduled<Void>?
        private var farewell: Farewell?
        private var whenFinished: CheckedContinuation<Void, Never>?

        init(
            _ configuration: RedisConfiguration, sentinels: NIOLoopBoundBox<SentinelWatch>?, isAnnounced: Bool,
            onTrouble: (@Sendable () -> Void)?, inbox: RedisInbox, eventLoop: any EventLoop, logger: Logger
        ) {
            self.configuration = configuration
            self.sentinels = sentinels
            addresses = sentinels == nil && onTrouble == nil ? NamedAddresses() : nil
            self.onTrouble = onTrouble
            isUnconfirmed = isAnnounced
            backoff = Backoff(for: configuration, isOneOfMany: onTrouble != nil)
            self.inbox = inbox
            self.eventLoop = eventLoop
            self.logger = logger
            machine = StateMachine(outageLimit: onTrouble == nil ? configuration.commandDeadline : nil)
        }

        /// Connects; resumes the continuation when everything has ended.
        func start(_ continuation: CheckedContinuation<Void, Never>) {
            precondition(whenFinished == nil, "run() is called once")
            whenFinished = continuation
            perform(machine.start())
        }

        /// Writes the requests in the inbox.
        func drain() {
            let now = NIODeadline.now()
            var actions: [StateMachine.Action] = []
            for request in inbox.takeAll() {
                actions += machine.enqueue(request, now: now)
            }
            writeWaiting()
            perform(actions)
        }

        /// Lets sent commands finish, then ends.
        func shutdown() {
            drain()
            perform(machine.shutdown())
        }

        /// Ends at once.
        func cancel(because reason: RedisError = .shuttingDown) {
            drain()
            perform(machine.cancel(because: reason))
        }

        /// Ends if a request waits that long without any answer.
        func endWhenSilent(for limit: Duration, _ onEnd: @escaping @Sendable () -> Void) {
            guard farewell == nil else { return }
            farewell = Farewell(limit: limit)
            watchForTheEnd(onEnd)
        }

        private func watchForTheEnd(_ onEnd: @escaping @Sendable () -> Void) {
            guard let farewell, machine.state != .finished else { return }
            guard farewell.isSilent(machine) else {
                _ = eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(50)) { self.watchForTheEnd(onEnd) }
                return
            }
            let reason = RedisError.silent(for: farewell.limit, at: place)
            inbox.close(because: reason)
            cancel(because: reason)
            onEnd()
        }

        private func writeWaiting() {
            guard demotion == nil, let bytes = machine.takeWritable() else { return }
            connection?.write(bytes)
            if onTrouble != nil { watchForSilence() }
        }

        /// While replies are awaited, checks once a second whether the oldest is late.
        ///
        /// A request with a longer deadline than usual gets that much more time: it waits for data.
        private func watchForSilence() {
            guard silenceTimer == nil, !machine.inFlight.isEmpty else { return }
            silenceTimer = eventLoop.assumeIsolated().scheduleTask(in: .seconds(1)) {
                self.silenceTimer = nil
                if let oldest = self.machine.inFlight.first, let written = oldest.writtenAt {
                    let extra = max(oldest.timeout - self.configuration.commandDeadline, .zero)
                    if written.duration(to: .now) > .seconds(1) + extra { self.onTrouble?() }
                }
                self.watchForSilence()
            }
        }

        private func perform(_ actions: [StateMachine.Action]) {
            updateInbox()
            for action in actions {
                switch action {
                case .connect: connect()
                case .backOff(let failures): backOff(failures: failures)
                case .close: close()
                case .fail(let request, let error, let mayHaveRun):
                    request.fail(error, at: place, mayHaveRun: mayHaveRun)
                case .finish: finish()
                }
            }
            armDeadline()
        }

        /// Called before callers get their results: they may send again at once and need the space.
        private func updateInbox() {
            inbox.update(held: machine.commandCount, isConnected: machine.state == .connected)
        }

        private func connect() {
            let handler = RedisConnectionHandler(configuration, delegate: self)
            connection = handler
            demotion = nil
            RedisConnector.open(
                configuration, askedOf: sentinels?.value, among: addresses, with: handler, on: eventLoop)
        }

        /// The server, for messages.
        private var place: String { connection?.address.description ?? configuration.place }

        private func close() {
            connection?.close()
            connection = nil
        }

        private func backOff(failures: Int) {
            let delay = backoff.delay(failures: failures)
            backoffTimer = eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(delay)) {
                self.perform(self.machine.backoffElapsed())
            }
        }

        private func finish() {
            sentinels?.value.close()
            backoffTimer?.cancel()
            silenceTimer?.cancel()
            deadlineTimer?.task.cancel()
            deadlineTimer = nil
            whenFinished?.resume()
            whenFinished = nil
        }

        /// One timer for all deadlines: it is moved forward for an earlier deadline, and checks again when it fires.
        private func armDeadline() {
            guard machine.state != .finished, let earliest = machine.earliestDeadline else { return }
            if let deadlineTimer {
                guard earliest < deadlineTimer.deadline else { return }
                deadlineTimer.task.cancel()
            }
            let task = eventLoop.assumeIsolated().scheduleTask(deadline: earliest) {
                self.deadlineTimer = nil
                let connection = self.connection
                self.perform(self.machine.deadlinePassed(now: .now()) { connection?.silence(for: $0) })
            }
            deadlineTimer = (earliest, task)
        }
    }
}

extension RedisNode.Core: RedisConnectionDelegate {
    func connectionOpened() {
        isUnconfirmed = false
        logger.debug("Connected to Redis", metadata: [LogKey.address: "\(place)"])
        inbox.connected(to: place)
        machine.opened()
        writeWaiting()
        perform([])
    }

    var nextReply: (size: ReplySize, isNew: Bool) {
        (machine.inFlight.first?.replySize ?? .usual, machine.replies.isEmpty)
    }

    func connectionReceived(_ tape: RedisTape, from start: Int) {
        farewell?.heard()
        var refused: [(request: RedisRequest, replies: [RedisValue])] = []
        /// The requests for the primary behind the same name.
        var elsewhere: [(request: RedisRequest, replies: [RedisValue])] = []
        for position in start..<tape.rootCount {
            let value = tape.root(position)
            switch machine.received(value) {
            case .partial: continue
            case .whole(let request, let replies):
                if let refusal = replies.first(where: \.isDemotion) {
                    if sentinels != nil {
                        refused.append((request, replies))
                        continue
                    }
                    leave(becauseOf: refusal)
                    if addresses?.hasOther == true, replies.allSatisfy(\.isDemotion) {
                        elsewhere.append((request, replies))
                        continue
                    }
                }
                updateInbox()
                request.finish(.success(replies))
            case .unsolicited:
                let text = value.error?.message ?? "an unexpected reply"
                connection?.end(RedisError(.connectionClosed, "the server said “\(text)”", address: place))
                return
            }
        }
        guard refused.isEmpty else { return demoted(refused) }
        for (request, replies) in elsewhere.reversed() where !machine.putBack(request) {
            updateInbox()
            request.finish(.success(replies))
        }
        // Requests that waited for one of these replies.
        writeWaiting()
        perform(machine.settle())
        if let demotion, machine.inFlight.isEmpty { connection?.end(demotion) }
    }

    /// Leaves a server that no longer accepts writes, if only its name can lead to the primary: the next connection
    /// resolves the name again, after this one has answered its commands.
    ///
    /// The caller gets the refusal, since a replica may have been configured as the primary. A server that is loading
    /// isn't left: it will answer in time. A node of a cluster isn't left for a temporary refusal: the slot map says
    /// where to go.
    private func leave(becauseOf refusal: RedisValue) {
        guard demotion == nil, let refusal = refusal.error else { return }
        let codes = onTrouble == nil ? ["READONLY", "MASTERDOWN", "UNBLOCKED"] : ["READONLY"]
        guard codes.contains(refusal.code) else { return }
        leave(because: RedisError(.notPrimary, "the server said “\(refusal)”", address: place))
    }

    /// The server reports that it is a replica.
    func leaveReplica() {
        guard machine.state == .connected, demotion == nil else { return }
        leave(because: RedisError(.notPrimary, "the server is a replica", address: place))
        if machine.inFlight.isEmpty, let demotion { connection?.end(demotion) }
    }

    private func leave(because error: RedisError) {
        demotion = error
        addresses?.leave(connection?.remoteAddress)
        // A reply that waits for data may take long.
        let left = connection
        _ = eventLoop.assumeIsolated().scheduleTask(in: .seconds(1)) { left?.end(error) }
    }

    /// The server no longer accepts writes: what it refused as a whole was not executed, and is sent to the primary.
    private func demoted(_ refused: [(request: RedisRequest, replies: [RedisValue])]) {
        for (request, replies) in refused.reversed() {
            if replies.allSatisfy(\.isDemotion), machine.putBack(request) { continue }
            updateInbox()
            request.finish(.success(replies))
        }
        let text = refused.first?.replies.first(where: \.isDemotion)?.error?.message ?? ""
        connection?.end(RedisError(.notPrimary, "the server said “\(text)”", address: place))
    }

    func connectionEnded(_ reason: RedisError) {
        let isRemarked = isUnconfirmed && reason.code == .unreachable && reason.server == nil
        let error = isRemarked ? reason.atAnnouncedAddress : reason
        logger.debug(
            "No connection to Redis",
            metadata: [LogKey.address: "\(place)", LogKey.error: "\(error)"]
        )
        if error.code == .notPrimary { sentinels?.value.redirected() }
        connection = nil
        perform(machine.ended(error, now: .now()))
    }
}

extension RedisError {
    /// The same error for an address that only the cluster names: with containers or NAT, only its nodes may be able to
    /// use it.
    fileprivate var atAnnouncedAddress: RedisError {
        let remark =
            "the cluster announces this address; if clients need another one, set cluster-announce-ip on the node"
        return RedisError(code, "\(message) (\(remark))", address: address, underlying: self)
    }
}

extension RedisValue {
    /// Whether this is the error of a server that is no longer the primary.
    fileprivate var isDemotion: Bool {
        guard kind == .error, let error else { return false }
        return ["READONLY", "MASTERDOWN", "LOADING", "UNBLOCKED"].contains(error.code)
    }
}
