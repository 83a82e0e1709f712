internal import NIOCore
internal import NIOPosix

extension RedisClient {
    /// Subscribes to a channel on a separate connection while a body runs.
    ///
    /// The body starts once the server has confirmed the subscription, however long that takes. After a loss, the
    /// connection and the subscription are made again with backoff; in a cluster to any node, because all nodes forward
    /// published messages. The body is not interrupted; its sequence of messages ends at ``shutdown()``.
    ///
    /// - Throws: The errors of the body; ``RedisError/Code/server`` if the server refuses (`NOPERM`),
    ///   ``RedisError/Code/authentication`` if it refuses the credentials, ``RedisError/Code/shuttingDown`` if the
    ///   client was shut down before, `CancellationError` if the task was cancelled before.
    package func subscribe<Result>(
        _ channel: String,
        _ body: (RedisSubscription) async throws -> Result
    ) async throws -> Result {
        let (events, continuation) = AsyncThrowingStream<RedisSubscription.Event, any Error>
            .makeStream(bufferingPolicy: .bufferingNewest(RedisSubscription.capacity))
        let (sentinels, cluster, eventLoop) =
            switch servers {
            case .one(let node): (node.sentinels, ClusterConnections?.none, node.eventLoop)
            case .many(let connections): (nil, connections, MultiThreadedEventLoopGroup.singleton.any())
            }
        let subscriber = NIOLoopBoundBox.makeBoxSendingValue(
            RedisSubscriber(
                channel, configuration, sentinels: sentinels, cluster: cluster, eventLoop: eventLoop, logger: logger,
                continuation),
            eventLoop: eventLoop
        )
        let end: @Sendable () -> Void = { eventLoop.execute { subscriber.value.end() } }
        // Registered first: a client that was shut down ends it before it starts.
        let number = subscribers.add(end)
        eventLoop.execute { subscriber.value.connect() }
        defer {
            subscribers.remove(number)
            end()
        }
        var first = events.makeAsyncIterator()
        guard try await first.next() != nil else {
            try Task.checkCancellation()
            throw RedisError.shuttingDown.of("SUBSCRIBE")
        }
        return try await body(RedisSubscription(events: events))
    }
}
