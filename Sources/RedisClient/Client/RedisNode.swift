internal import Logging
internal import NIOCore
internal import NIOPosix

/// One Redis server: one connection, on which the commands of any number of tasks are pipelined, and which is made
/// again whenever it is lost.
///
/// ``run()`` keeps the connection; until the first attempt has succeeded or failed, commands wait for it. What was
/// sent when a connection is lost is never sent again, unless it is idempotent: its outcome is unknown. What was not
/// sent yet, and what is idempotent, waits for the next connection within its deadline. After an outage of a command's
/// usual deadline, commands fail at once with the reason of the last failed attempt.
///
/// At most ``RedisConfiguration/pendingLimit`` commands wait at once.
final class RedisNode: Sendable {
    /// The server and the limits.
    let configuration: RedisConfiguration
    let eventLoop: any EventLoop
    /// Who says where the server is; nil where the configuration does.
    let sentinels: NIOLoopBoundBox<SentinelWatch>?
    private let inbox: RedisInbox
    private let core: NIOLoopBoundBox<Core>

    /// A node that connects once ``run()`` is called.
    ///
    /// - Parameter eventLoop: where its connection is; nodes of a cluster share one, so that who asks several of them
    ///   need not change threads.
    /// - Parameter onTrouble: for a node among others; called when its connection is lost, none comes about, or a reply
    ///   is slow to come. Nothing then waits for it past a failed attempt, and nothing is sent twice: it is for whoever
    ///   knows the others to decide.
    /// - Parameter isAnnounced: whether the cluster names this address, and not the configuration.
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

    /// Whether there is a connection that has signed in.
    var isConnected: Bool { inbox.isConnected }

    /// The server, for messages: with Sentinels, the one that was the primary last.
    var place: String { inbox.place ?? configuration.place }

    /// Connects, and connects again after each loss, with backoff.
    ///
    /// Called once.
    ///
    /// Returns after ``shutdown()``, when the last reply has come. Cancellation ends it at once: commands already sent
    /// fail with ``RedisError/Code/outcomeUnknown``, the others with ``RedisError/Code/shuttingDown``.
    func run() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                eventLoop.execute { self.core.value.start(continuation) }
            }
        } onCancel: {
            close { $0.cancel() }
        }
    }

    /// Takes no more commands, lets those that were sent finish, and closes the connection.
    func shutdown() {
        close { $0.shutdown() }
    }

    /// Takes no more commands, and closes the connection after a while, with or without the replies.
    func shutdown(within limit: Duration) {
        shutdown()
        eventLoop.scheduleTask(in: TimeAmount(limit)) { self.core.value.cancel() }
    }

    /// Goes on only as long as the server answers; see ``RedisClient/endWhenSilent(for:)``.
    func endWhenSilent(for limit: Duration, _ onEnd: @escaping @Sendable () -> Void = {}) {
        eventLoop.execute { self.core.value.endWhenSilent(for: limit, onEnd) }
    }

    /// Leaves a server that says it is a replica; see ``RedisClient/leaveReplica()``.
    func leaveReplica() {
        eventLoop.execute { self.core.value.leaveReplica() }
    }

    /// Ends at once, for a reason.
    func cancel(because reason: RedisError) {
        inbox.close(because: reason)
        eventLoop.execute { self.core.value.cancel(because: reason) }
    }

    private func close(_ end: @escaping @Sendable (Core) -> Void) {
        inbox.close()
        eventLoop.execute { end(self.core.value) }
    }

    /// Sends commands together, in order, once those before them are answered or have failed.
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
