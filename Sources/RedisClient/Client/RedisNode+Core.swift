internal import Logging
internal import NIOCore

extension RedisNode {
    /// The shell around the state machine, on the event loop: takes requests from the inbox, writes them to the
    /// connection, and does what the machine says.
    final class Core {
        private var machine: StateMachine
        private let configuration: RedisConfiguration
        private let sentinels: NIOLoopBoundBox<SentinelWatch>?
        private let onTrouble: (@Sendable () -> Void)?
        /// Whether the address was announced by others, and nobody has been reached there yet.
        private var isHearsay: Bool
        private let inbox: RedisInbox
        private let eventLoop: any EventLoop
        private let logger: Logger
        private let backoff: Backoff
        private var connection: RedisConnectionHandler?
        /// Where the server's name leads; nil where somebody else says where it is.
        private let addresses: NamedAddresses?
        /// Why the connection is about to be left: nothing more is written to it.
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
            isHearsay = isAnnounced
            backoff = Backoff(for: configuration, isOneOfMany: onTrouble != nil)
            self.inbox = inbox
            self.eventLoop = eventLoop
            self.logger = logger
            machine = StateMachine(outageLimit: onTrouble == nil ? configuration.commandDeadline : nil)
        }

        /// Connects, and resumes the continuation once everything is over.
        func start(_ continuation: CheckedContinuation<Void, Never>) {
            precondition(whenFinished == nil, "run() is called once")
            whenFinished = continuation
            perform(machine.start())
        }

        /// Writes what callers have left in the inbox.
        func drain() {
            let now = NIODeadline.now()
            var actions: [StateMachine.Action] = []
            for request in inbox.takeAll() {
                actions += machine.enqueue(request, now: now)
            }
            writeWaiting()
            perform(actions)
        }

        /// Lets what was written finish, and ends.
        func shutdown() {
            drain()
            perform(machine.shutdown())
        }

        /// Ends at once.
        func cancel(because reason: RedisError = .shuttingDown) {
            drain()
            perform(machine.cancel(because: reason))
        }

        /// Ends once somebody has waited that long for an answer and nothing has come.
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

        /// While replies are awaited, looks once a second whether the oldest is slow to come.
        ///
        /// One that was given more time than is usual may take that much longer: it waits for data.
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

        /// Before callers are told: whoever has an answer may send anew at once, and must find the room that it left.
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

        /// One timer for all: it is moved forward when a sooner deadline comes in, and looks again when it fires.
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
        isHearsay = false
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
        /// What the primary behind the same name is to be asked.
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
                let text = value.error?.message ?? "a reply that nobody asked for"
                connection?.end(RedisError(.connectionClosed, "the server said “\(text)”", address: place))
                return
            }
        }
        guard refused.isEmpty else { return demoted(refused) }
        for (request, replies) in elsewhere.reversed() where !machine.putBack(request) {
            updateInbox()
            request.finish(.success(replies))
        }
        // What waited for one of these replies.
        writeWaiting()
        perform(machine.settle())
        if let demotion, machine.inFlight.isEmpty { connection?.end(demotion) }
    }

    /// The server takes no writes any more, and nobody tells where the primary is but the name that led here: the next
    /// connection looks it up anew, when this one has answered what it was sent.
    ///
    /// Whoever asked has the refusal, since this may be a replica that was given as primary. A server that starts is not
    /// left: in time it answers. Nor is a node of a cluster for what passes: the map of the slots says where to go.
    private func leave(becauseOf refusal: RedisValue) {
        guard demotion == nil, let refusal = refusal.error else { return }
        let codes = onTrouble == nil ? ["READONLY", "MASTERDOWN", "UNBLOCKED"] : ["READONLY"]
        guard codes.contains(refusal.code) else { return }
        leave(because: RedisError(.notPrimary, "the server said “\(refusal)”", address: place))
    }

    /// The server is a replica, as it says itself.
    func leaveReplica() {
        guard machine.state == .connected, demotion == nil else { return }
        leave(because: RedisError(.notPrimary, "the server is a replica", address: place))
        if machine.inFlight.isEmpty, let demotion { connection?.end(demotion) }
    }

    private func leave(because error: RedisError) {
        demotion = error
        addresses?.leave(connection?.remoteAddress)
        // A reply that waits for data may be long in coming.
        let left = connection
        _ = eventLoop.assumeIsolated().scheduleTask(in: .seconds(1)) { left?.end(error) }
    }

    /// The server takes no writes any more: what it refused as a whole was not done, and is for the primary.
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
        let isRemarked = isHearsay && reason.code == .unreachable && reason.server == nil
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
    /// The same, said of an address that only the cluster names: in containers and behind NAT it may be of use to nobody
    /// but its nodes.
    fileprivate var atAnnouncedAddress: RedisError {
        let remark =
            "the cluster announces this address; where clients need another, set cluster-announce-ip on the node"
        return RedisError(code, "\(message) (\(remark))", address: address, underlying: self)
    }
}

extension RedisValue {
    /// Whether this is the error of a server that is a primary no more.
    fileprivate var isDemotion: Bool {
        guard kind == .error, let error else { return false }
        return ["READONLY", "MASTERDOWN", "LOADING", "UNBLOCKED"].contains(error.code)
    }
}
