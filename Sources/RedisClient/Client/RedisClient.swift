package import Logging
internal import NIOCore
internal import NIOPosix

/// A client of one standalone Redis server: one connection, on which the commands of any number of tasks are
/// pipelined, and which is made again whenever it is lost.
///
/// ``run()`` keeps the connection; until the first attempt has succeeded or failed, commands wait for it. What was
/// sent when a connection is lost is never sent again, unless it is idempotent: its outcome is unknown. What was not
/// sent yet, and what is idempotent, waits for the next connection within its deadline. After an outage of a command's
/// usual deadline, commands fail at once with the reason of the last failed attempt.
///
/// At most ``RedisConfiguration/pendingLimit`` commands wait at once.
package final class RedisClient: Sendable {
    /// What the client was made of.
    package let configuration: RedisConfiguration
    let logger: Logger
    let eventLoop: any EventLoop
    let subscribers = RedisSubscribers()
    private let inbox: RedisInbox
    private let core: NIOLoopBoundBox<Core>

    /// A client that connects once ``run()`` is called.
    package init(_ configuration: RedisConfiguration, logger: Logger) {
        let eventLoop = MultiThreadedEventLoopGroup.singleton.any()
        let inbox = RedisInbox(limit: configuration.pendingLimit)
        self.configuration = configuration
        self.logger = logger
        self.eventLoop = eventLoop
        self.inbox = inbox
        core = .makeBoxSendingValue(
            Core(configuration, inbox: inbox, eventLoop: eventLoop, logger: logger),
            eventLoop: eventLoop
        )
    }

    /// Whether there is a connection that has signed in.
    package var isConnected: Bool { inbox.isConnected }

    /// Connects, and connects again after each loss, with backoff.
    ///
    /// Called once.
    ///
    /// Returns after ``shutdown()``, when the last reply has come. Cancellation ends it at once: commands already sent
    /// fail with ``RedisError/Code/outcomeUnknown``, the others with ``RedisError/Code/shuttingDown``.
    package func run() async throws {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                eventLoop.execute { self.core.value.start(continuation) }
            }
        } onCancel: {
            close { $0.cancel() }
        }
    }

    /// Takes no more commands, lets those that were sent finish, and closes the connection.
    package func shutdown() {
        close { $0.shutdown() }
    }

    private func close(_ end: @escaping @Sendable (Core) -> Void) {
        inbox.close()
        subscribers.endAll()
        eventLoop.execute { end(self.core.value) }
    }

    /// Sends a command and waits for its reply.
    ///
    /// - Parameter deadline: how long to wait, for a connection too; the configuration's where it is left out.
    /// - Throws: An error that the server answers is thrown too, as ``RedisError/Code/server``. A command that is not
    ///   answered in time closes the connection if it was sent. Cancellation fails this command alone; its reply is
    ///   dropped when it comes.
    @discardableResult
    package func send(_ command: RedisCommand, deadline: Duration? = nil) async throws(RedisError) -> RedisValue {
        let replies = try await pipeline([command], deadline: deadline)
        guard let error = replies[0].error else { return replies[0] }
        let address = configuration.address.description
        throw RedisError(.server, error.message, command: command.name, address: address, server: error)
    }

    /// Sends commands together, in order, and waits for all their replies.
    ///
    /// Other tasks' commands may come before or after them but not in between. Errors that the server answers are
    /// values among the replies. The commands share their fate otherwise: when the connection is lost in the middle,
    /// the outcome of all of them is unknown, unless all are idempotent.
    @discardableResult
    package func pipeline(
        _ commands: [RedisCommand],
        deadline: Duration? = nil
    ) async throws(RedisError) -> [RedisValue] {
        try await begin(commands, deadline: deadline).replies()
    }

    /// Sends commands together, in order, and leaves the waiting for later.
    ///
    /// What is begun first is sent first: a caller with two pipelines that shall run side by side decides their order
    /// without waiting for either. The replies are waited for once.
    ///
    /// With `after` they stay here until those others are answered, or failed, and are then sent by the event loop itself:
    /// a caller that wants no more than one call in flight loses no time between two of them.
    package func begin(
        _ commands: [RedisCommand], after others: PendingReplies? = nil, deadline: Duration? = nil
    ) throws(RedisError) -> PendingReplies {
        guard !commands.isEmpty else { return PendingReplies(request: nil) }
        let request = RedisRequest(
            commands, after: others?.request, timeout: deadline ?? configuration.commandDeadline)
        if try inbox.add(request) {
            eventLoop.execute { self.core.value.drain() }
        }
        return PendingReplies(request: request)
    }

    /// The replies to commands that are on their way.
    package struct PendingReplies: Sendable {
        let request: RedisRequest?

        /// How long they took from the socket and back, once they are there, whenever they are waited for.
        package var elapsed: Duration {
            guard let request, let written = request.writtenAt, let finished = request.finishedAt else { return .zero }
            return written.duration(to: finished)
        }

        /// Waits for all of them; see ``RedisClient/pipeline(_:deadline:)``.
        package func replies() async throws(RedisError) -> [RedisValue] {
            try await request?.outcome() ?? []
        }
    }

    /// Runs a client beside a body and shuts it down after it.
    package static func withClient<Result: Sendable>(
        _ configuration: RedisConfiguration,
        logger: Logger,
        _ body: (RedisClient) async throws -> Result
    ) async throws -> Result {
        let client = RedisClient(configuration, logger: logger)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            // At once: the first command's time must not run while this waits for a free thread.
            group.addImmediateTask { try await client.run() }
            let result: Swift.Result<Result, any Error>
            do {
                result = .success(try await body(client))
            } catch {
                result = .failure(error)
            }
            client.shutdown()
            try await group.waitForAll()
            return try result.get()
        }
    }
}
