internal import Logging
internal import NIOCore
internal import NIOPosix

/// One Redis server: one connection, on which the commands of any number of tasks are pipelined, and which is made
/// again after a loss.
///
/// ``run()`` maintains the connection; until the first attempt has succeeded or failed, commands wait for it. A command
/// that was sent on a lost connection is not sent again unless it is idempotent: its outcome is unknown. Unsent and
/// idempotent commands wait for the next connection within their deadline. After an outage as long as the usual
/// deadline of a command, commands fail at once with the reason of the last failed attempt.
///
/// At most ``RedisConfiguration/pendingLimit`` commands wait at the same time.
final class RedisNode: Sendable {
    /// The server and the limits.
    let configuration: RedisConfiguration
    let eventLoop: any EventLoop
    /// The source of the server's address; nil if it is configured.
    let sentinels: NIOLoopBoundBox<SentinelWatch>?
    private let inbox: RedisInbox
    private let core: NIOLoopBoundBox<Core>

    /// Creates a node, which connects once ``run()`` is called.
    ///
    /// - Parameter eventLoop: the event loop of its connection; the nodes of a cluster share one, so that calls to
    ///   several nodes don't switch threads.
    /// - Parameter onTrouble: for one node of several; called when its connection is lost or can't be made, or when a
    ///   reply is late. No request then waits after a failed attempt, and none is sent twice: the caller, which knows
    ///   the other nodes, decides.
    /// - Parameter isAnnounced: whether the address comes from the cluster and not from the configuration.
    init(
        _ configuration: RedisConfiguration, logger: Logger,
        on eventLoop: any EventLoop = MultiThreadedEventLoopGroup.singleton.any(),
        isAnnounced: Bool = false, onTrouble: (@Sendable () -> Void)? = nil
    ) {
        let inbox = RedisInbox(limit: configuration.pendingLimit)
        if case .sentinel(let sentinel) = configuration.topology {
            let sentinels = SentinelWatch(sentinel, configuration, on: eventLoop, logger: logger)
            self.sentinels = .makeBoxSendingValue(sentinels, eventLoop: eventLoop)
        } else {
            sentinels = nil
        }
        self.configuration = configuration
        self.eventLoop = eventLoop
        self.inbox = inbox
        core = .makeBoxSendingValue(
            Core(
                configuration, sentinels: sentinels, isAnnounced: isAnnounced, onTrouble: onTrouble, inbox: inbox,
                eventLoop: eventLoop,
                logger: logger),
            eventLoop: eventLoop
        )
    }

    /// Whether it has an authenticated connection.
    var isConnected: Bool { inbox.isConnected }

    /// The server, for messages; with Sentinels the last known primary.
    var place: String { inbox.place ?? configuration.place }

    /// Connects, and reconnects after each loss with backoff.
    ///
    /// It must be called once.
    ///
    /// It returns after ``shutdown()``, when the last reply has arrived. Cancellation ends it at once: sent commands
    /// fail with ``RedisError/Code/outcomeUnknown``, others with ``RedisError/Code/shuttingDown``.
    func run() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                eventLoop.execute { self.core.value.start(continuation) }
            }
        } onCancel: {
            close { $0.cancel() }
        }
    }

    /// Accepts no more commands, lets sent ones finish, and closes the connection.
    func shutdown() {
        close { $0.shutdown() }
    }

    /// Accepts no more commands, and closes the connection after a time limit, with or without replies.
    func shutdown(within limit: Duration) {
        shutdown()
        eventLoop.scheduleTask(in: TimeAmount(limit)) { self.core.value.cancel() }
    }

    /// Continues only as long as the server answers; see ``RedisClient/endWhenSilent(for:)``.
    func endWhenSilent(for limit: Duration, _ onEnd: @escaping @Sendable () -> Void = {}) {
        eventLoop.execute { self.core.value.endWhenSilent(for: limit, onEnd) }
    }

    /// Leaves a server that reports it is a replica; see ``RedisClient/leaveReplica()``.
    func leaveReplica() {
        eventLoop.execute { self.core.value.leaveReplica() }
    }

    /// Ends at once, with a reason.
    func cancel(because reason: RedisError) {
        inbox.close(because: reason)
        eventLoop.execute { self.core.value.cancel(because: reason) }
    }

    private func close(_ end: @escaping @Sendable (Core) -> Void) {
        inbox.close()
        eventLoop.execute { end(self.core.value) }
    }

    /// Sends commands together, in order, once their predecessors are answered or have failed.
    ///
    /// Commands of other requests may come before or after them but not in between.
    func begin(
        _ commands: [RedisCommand], after predecessor: RedisRequest? = nil, deadline: Duration? = nil
    ) throws(RedisError) -> RedisRequest {
        let request = RedisRequest(
            commands, after: predecessor, timeout: deadline ?? configuration.commandDeadline)
        if try inbox.add(request) {
            eventLoop.execute { self.core.value.drain() }
        }
        return request
    }
}
