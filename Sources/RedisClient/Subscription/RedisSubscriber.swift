internal import Logging
internal import NIOCore

/// Maintains one subscription, on the event loop: connects, subscribes, forwards messages, and starts again after a
/// loss.
///
/// A silent connection is probed with `PING`, because a subscriber sends nothing else that would show a dead server.
final class RedisSubscriber: RedisConnectionDelegate {
    private let channel: String
    private let configuration: RedisConfiguration
    private let sentinels: NIOLoopBoundBox<SentinelWatch>?
    private let cluster: ClusterConnections?
    private let eventLoop: any EventLoop
    private let logger: Logger
    private let events: AsyncThrowingStream<RedisSubscription.Event, any Error>.Continuation
    private let backoff: Backoff
    private var connection: RedisConnectionHandler?
    private var failures = 0
    private var timer: Scheduled<Void>?
    private var isEnded = false
    /// Whether anything arrived since the last probe.
    private var hasHeard = false

    init(
        _ channel: String,
        _ configuration: RedisConfiguration,
        sentinels: NIOLoopBoundBox<SentinelWatch>?,
        cluster: ClusterConnections?,
        eventLoop: any EventLoop,
        logger: Logger,
        _ events: AsyncThrowingStream<RedisSubscription.Event, any Error>.Continuation
    ) {
        self.channel = channel
        self.configuration = configuration
        self.sentinels = sentinels
        self.cluster = cluster
        backoff = Backoff(for: configuration, isOneOfMany: cluster != nil)
        self.eventLoop = eventLoop
        self.logger = logger
        self.events = events
    }

    /// Starts an attempt.
    func connect() {
        guard !isEnded else { return }
        let target = cluster.map { configuration.at($0.anyNode(failures)) } ?? configuration
        let handler = RedisConnectionHandler(target, delegate: self)
        connection = handler
        RedisConnector.open(target, askedOf: sentinels?.value, with: handler, on: eventLoop)
    }

    /// Ends the subscription, with or without an error.
    func end(_ error: RedisError? = nil) {
        guard !isEnded else { return }
        isEnded = true
        timer?.cancel()
        connection?.close()
        events.finish(throwing: error)
    }

    func connectionOpened() {
        connection?.write(RedisCommand("SUBSCRIBE", [channel]).encoded)
        hasHeard = true
        probeLater()
    }

    func connectionReceived(_ tape: RedisTape, from start: Int) {
        hasHeard = true
        for position in start..<tape.rootCount where !isEnded {
            received(tape.root(position))
        }
    }

    func connectionEnded(_ error: RedisError) {
        guard !isEnded else { return }
        timer?.cancel()
        if error.code == .notPrimary { sentinels?.value.redirected() }
        guard error.code != .authentication, error.code != .server else { return end(error) }
        logger.debug(
            "Subscription interrupted",
            metadata: [LogKey.channel: "\(channel)", LogKey.error: "\(error)"]
        )
        failures += 1
        let delay = backoff.delay(failures: failures)
        timer = eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(delay)) { self.connect() }
    }

    private func received(_ value: RedisValue) {
        if let error = value.error {
            let address = (connection?.address ?? configuration.address).description
            end(RedisError(.server, error.message, command: "SUBSCRIBE", address: address, server: error))
            return
        }
        switch value[0].string {
        case "subscribe":
            failures = 0
            events.yield(.subscribed)
        case "message":
            events.yield(.message(value[2].string ?? ""))
        default:
            break
        }
    }

    private func probeLater() {
        timer = eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(configuration.probeInterval)) { self.probe() }
    }

    private func probe() {
        guard hasHeard else {
            connection?.end(RedisError(.timedOut, "no answer from the server within \(configuration.probeInterval)"))
            return
        }
        if let cluster, let address = connection?.address, !cluster.isMember(address) {
            connection?.end(RedisError(.connectionClosed, "the server is no longer a node of the cluster"))
            return
        }
        cluster?.wantSurvey()
        hasHeard = false
        connection?.write(RedisCommand("PING").encoded)
        probeLater()
    }
}
