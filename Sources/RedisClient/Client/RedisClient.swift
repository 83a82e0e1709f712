package import Logging

/// A client of Redis: of one server, or of all nodes of a cluster.
///
/// The tasks of a program share one client, whose ``run()`` keeps its connections. On each of them the commands of any
/// number of tasks are pipelined. What was sent when a connection is lost is never sent again, unless it is idempotent:
/// its outcome is unknown. What was not sent yet, and what is idempotent, waits for the next connection within its
/// deadline.
///
/// At most ``RedisConfiguration/pendingLimit`` commands wait at once, for each server.
package final class RedisClient: Sendable {
    /// What the client was made of.
    package let configuration: RedisConfiguration
    let logger: Logger
    let subscribers = RedisSubscribers()
    let servers: Servers

    /// What is behind it.
    enum Servers {
        /// One server, or one at a time: the primary that Sentinels name.
        case one(RedisNode)
        /// The nodes of a cluster.
        case many(ClusterConnections)
    }

    /// A client that connects once ``run()`` is called.
    package init(_ configuration: RedisConfiguration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
        servers =
            switch configuration.topology {
            case .standalone, .sentinel: .one(RedisNode(configuration, logger: logger))
            case .cluster: .many(ClusterConnections(configuration, logger: logger))
            }
    }

    /// Whether there is a connection that has signed in; in a cluster, one to every node that was asked for something,
    /// and every slot is served.
    package var isConnected: Bool {
        switch servers {
        case .one(let node): node.isConnected
        case .many(let connections): connections.isConnected
        }
    }

    /// What is talked to, for messages: the server, with Sentinels the last that was the primary; or the cluster.
    package var place: String {
        switch servers {
        case .one(let node): node.place
        case .many: configuration.place
        }
    }

    /// Connects, and connects again after each loss, with backoff.
    ///
    /// Called once.
    ///
    /// Returns after ``shutdown()``, when the last reply has come. Cancellation ends it at once: commands already sent
    /// fail with ``RedisError/Code/outcomeUnknown``, the others with ``RedisError/Code/shuttingDown``.
    package func run() async throws {
        await withTaskCancellationHandler {
            switch servers {
            case .one(let node): await node.run()
            case .many(let connections): await connections.run()
            }
        } onCancel: {
            subscribers.endAll()
        }
    }

    /// Takes no more commands, lets those that were sent finish, and closes the connections.
    package func shutdown() {
        subscribers.endAll()
        switch servers {
        case .one(let node): node.shutdown()
        case .many(let connections): connections.shutdown()
        }
    }

    /// Asks a single server whether it is the primary; one that isn't any more is left, and its name looked up anew.
    ///
    /// For whoever only reads, and so would never be refused.
    package func leaveReplica() async throws(RedisError) {
        guard case .one(let node) = servers, configuration.topology == .standalone else { return }
        let role = try await send(RedisCommand("ROLE"))
        if role[0].string == "slave" { node.leaveReplica() }
    }

    /// Goes on only as long as the server answers: once somebody has waited that long for an answer and nothing has come,
    /// everything fails, and nothing more is sent.
    ///
    /// For a program that was told to end: what it sent last has an unknown outcome then, as after any loss.
    package func endWhenSilent(for limit: Duration) {
        switch servers {
        case .one(let node): node.endWhenSilent(for: limit)
        case .many(let connections): connections.endWhenSilent(for: limit)
        }
    }

    /// Sends a command and waits for its reply.
    ///
    /// - Parameter deadline: how long to wait, for a connection too; the configuration's where it is left out.
    /// - Throws: An error that the server answers is thrown too, as ``RedisError/Code/server``. A command that is not
    ///   answered in time closes the connection if it was sent. Cancellation fails this command alone; its reply is
    ///   dropped when it comes.
    @discardableResult
    package func send(_ command: RedisCommand, deadline: Duration? = nil) async throws(RedisError) -> RedisValue {
        try await begin([command], deadline: deadline).onlyReply(to: command)
    }

    /// Sends commands together, in order, and waits for all their replies.
    ///
    /// Other tasks' commands may come before or after them but not in between. Errors that the server answers are
    /// values among the replies. The commands share their fate otherwise: when the connection is lost in the middle,
    /// the outcome of all of them is unknown, unless all are idempotent.
    ///
    /// In a cluster each goes to the node of its key, and those without a key to that of
    /// ``RedisConfiguration/homeKey``; all nodes work at once. What holds of all of them above then holds of those of one
    /// node, and an error that is thrown is that of one. A slot that is on its way to another node is followed there, and
    /// the commands of that slot may lose their order.
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
    /// a caller that wants no more than one call in flight loses no time between two of them. In a cluster those for one
    /// node wait for the others' on the same node, and not for what the others are still sent on to.
    package func begin(
        _ commands: [RedisCommand], after others: PendingReplies? = nil, deadline: Duration? = nil
    ) throws(RedisError) -> PendingReplies {
        guard !commands.isEmpty else { return .none }
        return switch servers {
        case .one(let node): .of(try node.begin(commands, after: others?.request, deadline: deadline), on: node)
        case .many(let connections): try begin(commands, .byKey, of: connections, after: others, deadline)
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
