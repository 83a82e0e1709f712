package import Logging

/// A client of Redis: of one server, or of all nodes of a cluster.
///
/// The tasks of a program share one client, and ``run()`` maintains its connections. On each connection the commands of
/// any number of tasks are pipelined. A command that was sent on a lost connection is not sent again unless it is
/// idempotent: its outcome is unknown. Unsent and idempotent commands wait for the next connection within their
/// deadline.
///
/// At most ``RedisConfiguration/pendingLimit`` commands wait at the same time for each server.
package final class RedisClient: Sendable {
    /// The configuration of the client.
    package let configuration: RedisConfiguration
    let logger: Logger
    let subscribers = RedisSubscribers()
    let servers: Servers

    /// The servers behind the client.
    enum Servers {
        /// One server, or one at a time: the primary named by Sentinels.
        case one(RedisNode)
        /// The nodes of a cluster.
        case many(ClusterConnections)
    }

    /// Creates a client, which connects once ``run()`` is called.
    package init(_ configuration: RedisConfiguration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
        servers =
            switch configuration.topology {
            case .standalone, .sentinel: .one(RedisNode(configuration, logger: logger))
            case .cluster: .many(ClusterConnections(configuration, logger: logger))
            }
    }

    /// Whether it has an authenticated connection; in a cluster, one to every node that was needed, with all slots
    /// served.
    package var isConnected: Bool {
        switch servers {
        case .one(let node): node.isConnected
        case .many(let connections): connections.isConnected
        }
    }

    /// The server, for messages: with Sentinels the last known primary; or the cluster.
    package var place: String {
        switch servers {
        case .one(let node): node.place
        case .many: configuration.place
        }
    }

    /// Connects, and reconnects after each loss with backoff.
    ///
    /// It must be called once.
    ///
    /// It returns after ``shutdown()``, when the last reply has arrived. Cancellation ends it at once: sent commands
    /// fail with ``RedisError/Code/outcomeUnknown``, others with ``RedisError/Code/shuttingDown``.
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

    /// Accepts no more commands, lets sent ones finish, and closes the connections.
    package func shutdown() {
        subscribers.endAll()
        switch servers {
        case .one(let node): node.shutdown()
        case .many(let connections): connections.shutdown()
        }
    }

    /// Asks a single server whether it is the primary; if not, leaves it and resolves its name again.
    ///
    /// For programs that only read, and so would never get an error from a replica.
    package func leaveReplica() async throws(RedisError) {
        guard case .one(let node) = servers, configuration.topology == .standalone else { return }
        let role = try await send(RedisCommand("ROLE"))
        if role[0].string == "slave" { node.leaveReplica() }
    }

    /// Continues only as long as the server answers: if a request waits that long without any answer, everything fails
    /// and nothing more is sent.
    ///
    /// For a program that is shutting down: its last commands then have an unknown outcome, as after any loss.
    package func endWhenSilent(for limit: Duration) {
        switch servers {
        case .one(let node): node.endWhenSilent(for: limit)
        case .many(let connections): connections.endWhenSilent(for: limit)
        }
    }

    /// Sends a command and waits for its reply.
    ///
    /// - Parameter deadline: how long to wait, including for a connection; nil for the configured deadline.
    /// - Throws: An error of the server is thrown as ``RedisError/Code/server``. If a sent command isn't answered in
    ///   time, the connection is closed. Cancellation only fails this command; its reply is dropped when it arrives.
    @discardableResult
    package func send(_ command: RedisCommand, deadline: Duration? = nil) async throws(RedisError) -> RedisValue {
        try await begin([command], deadline: deadline).onlyReply(to: command)
    }

    /// Sends commands together, in order, and waits for all replies.
    ///
    /// Commands of other tasks may come before or after them but not in between. Errors of the server are values among
    /// the replies. Otherwise the commands share their fate: if the connection is lost, the outcome of all of them is
    /// unknown, unless all are idempotent.
    ///
    /// In a cluster each command goes to the node of its key, and those without a key to the node of
    /// ``RedisConfiguration/homeKey``; all nodes work in parallel. The guarantees above then apply to the commands of
    /// one node, and a thrown error is that of one node. Commands follow a slot that is migrating to another node, and
    /// may then lose their order.
    @discardableResult
    package func pipeline(
        _ commands: [RedisCommand],
        deadline: Duration? = nil
    ) async throws(RedisError) -> [RedisValue] {
        try await begin(commands, deadline: deadline).replies()
    }

    /// Sends commands together, in order, without waiting.
    ///
    /// Pipelines are sent in the order of the calls: a caller with two pipelines in parallel decides their order
    /// without waiting for either. The replies must be waited for once.
    ///
    /// With `after`, the commands are held until those other commands are answered or have failed, and are then sent by
    /// the event loop itself: a caller with at most one call in flight loses no time between two calls. In a cluster
    /// the commands for one node wait for the others' on the same node, but not for redirected ones.
    package func begin(
        _ commands: [RedisCommand], after others: PendingReplies? = nil, deadline: Duration? = nil
    ) throws(RedisError) -> PendingReplies {
        guard !commands.isEmpty else { return .none }
        return switch servers {
        case .one(let node): .of(try node.begin(commands, after: others?.request, deadline: deadline), on: node)
        case .many(let connections): try begin(commands, .byKey, of: connections, after: others, deadline)
        }
    }

    /// Runs a client during a body and shuts it down afterwards.
    package static func withClient<Result: Sendable>(
        _ configuration: RedisConfiguration,
        logger: Logger,
        _ body: (RedisClient) async throws -> Result
    ) async throws -> Result {
        let client = RedisClient(configuration, logger: logger)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            // Starts at once: the deadline of the first command must not pass while this waits for a free thread.
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
