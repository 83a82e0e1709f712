internal import Logging
internal import NIOCore

extension RedisClient {
    /// The shell around the state machine, on the event loop: takes requests from the inbox, writes them to the
    /// connection, and does what the machine says.
    final class Core {
        private var machine: StateMachine
        private let configuration: RedisConfiguration
        private let inbox: RedisInbox
        private let eventLoop: any EventLoop
        private let logger: Logger
        private let backoff = Backoff()
        private var connection: RedisConnectionHandler?
        private var deadlineTimer: (deadline: NIODeadline, task: Scheduled<Void>)?
        private var backoffTimer: Scheduled<Void>?
        private var whenFinished: CheckedContinuation<Void, Never>?

        init(_ configuration: RedisConfiguration, inbox: RedisInbox, eventLoop: any EventLoop, logger: Logger) {
            self.configuration = configuration
            self.inbox = inbox
            self.eventLoop = eventLoop
            self.logger = logger
            machine = StateMachine(outageLimit: configuration.commandDeadline)
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
        func cancel() {
            drain()
            perform(machine.cancel())
        }

        private func writeWaiting() {
            guard let bytes = machine.takeWritable() else { return }
            connection?.write(bytes)
        }

        private func perform(_ actions: [StateMachine.Action]) {
            updateInbox()
            for action in actions {
                switch action {
                case .connect: connect()
                case .backOff(let failures): backOff(failures: failures)
                case .close: close()
                case .fail(let request, let error, let mayHaveRun):
                    request.fail(error, at: configuration.address.description, mayHaveRun: mayHaveRun)
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
            RedisConnector.open(configuration, with: handler, on: eventLoop)
        }

        private func close() {
            connection?.close()
            connection = nil
        }

        private func backOff(failures: Int) {
            let delay = backoff.delay(failures: failures, jitter: .random(in: 0...1))
            backoffTimer = eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(delay)) {
                self.perform(self.machine.backoffElapsed())
            }
        }

        private func finish() {
            backoffTimer?.cancel()
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
                self.perform(self.machine.deadlinePassed(now: .now()))
            }
            deadlineTimer = (earliest, task)
        }
    }
}

extension RedisClient.Core: RedisConnectionDelegate {
    func connectionOpened() {
        logger.debug("Connected to Redis", metadata: [LogKey.address: "\(configuration.address)"])
        machine.opened()
        writeWaiting()
        perform([])
    }

    func connectionReceived(_ tape: RedisTape, from start: Int) {
        for position in start..<tape.rootCount {
            switch machine.received(tape.root(position)) {
            case .partial: continue
            case .whole(let request, let replies):
                updateInbox()
                request.finish(.success(replies))
            case .unsolicited:
                let text = tape.root(position).error?.message ?? "a reply that nobody asked for"
                let address = configuration.address.description
                connection?.end(RedisError(.connectionClosed, "the server said “\(text)”", address: address))
                return
            }
        }
        // What waited for one of these replies.
        writeWaiting()
        perform(machine.settle())
    }

    func connectionEnded(_ error: RedisError) {
        logger.debug(
            "No connection to Redis",
            metadata: [LogKey.address: "\(configuration.address)", LogKey.error: "\(error)"]
        )
        connection = nil
        perform(machine.ended(error, now: .now()))
    }
}
