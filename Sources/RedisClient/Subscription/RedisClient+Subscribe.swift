internal import NIOCore
internal import NIOPosix

extension RedisClient {
    /// Subscribes to a channel on a connection of its own, while a body runs.
    ///
    /// The body begins once the server has confirmed the subscription, however long it takes to reach the server. A
    /// lost connection is made again with backoff, and the subscription with it; in a cluster to any node, because all
    /// of them pass on what is published anywhere. The body is not interrupted by anything;
    /// its sequence of messages ends at ``shutdown()``.
    ///
    /// - Throws: What the body throws; ``RedisError/Code/server`` where the server refuses (`NOPERM`),
    ///   ``RedisError/Code/authentication`` where it lets us not in, ``RedisError/Code/shuttingDown`` when the client was
    ///   shut down first, `CancellationError` where the task was cancelled first.
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
        // Registered first: a client that was shut down ends it before it begins.
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
