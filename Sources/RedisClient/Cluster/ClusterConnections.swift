internal import Logging
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// The nodes of a cluster: who serves which slot, and a connection to each primary that was asked for something.
///
/// The map is asked for when ``run()`` begins, and again whenever a node is lost, says that a slot has moved, or keeps us
/// waiting; one question at a time. A node that is no primary on the new map is let go: what it has in hand is waited
/// for shortly, and what was not sent yet goes to the others.
final class ClusterConnections: Sendable {
    private struct State {
        /// Nil before the first answer.
        var map: SlotMap?
        /// How new the map is.
        var epoch: Int64 = 0
        /// The connections, each to a primary of the map, or to one that another node named since.
        var nodes: [RedisConfiguration.Address: RedisNode] = [:]
        /// Why the last survey found no map; nil when it did.
        var trouble: RedisError?
        /// When the last survey that is over had begun.
        var surveyed: NIODeadline?
        /// The commands that wait for a change of the map.
        var paused = 0
        /// Why no more is taken; nil where it is.
        var closed: RedisError?
        /// For how long a node may be silent, where the program was told to end.
        var farewell: Duration?

        var isClosed: Bool { closed != nil }
    }

    /// How long a node that was let go may take to answer what it was sent.
    private static let farewell = Duration.seconds(1)

    let configuration: RedisConfiguration
    /// Where commands without a key go, so that the time, for one, always comes from the same server.
    let homeSlot: Int
    /// Where all connections are: a call to several nodes comes back on one thread.
    let eventLoop: any EventLoop = MultiThreadedEventLoopGroup.singleton.any()
    /// Rings when there is a new map, or none could be found, or the client is shut down.
    let news = AsyncSignal()
    private let logger: Logger
    private let state = Mutex(State())
    private let (starts, started) = AsyncStream<RedisNode>.makeStream()
    private let (requests, requested) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))

    /// Connections that are made once ``run()`` is called.
    init(_ configuration: RedisConfiguration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
        homeSlot = RedisSlot.of(configuration.homeKey)
        wantSurvey()
    }

    /// Whether the map is known and whole, and the nodes that were asked for something are all connected.
    var isConnected: Bool {
        state.withLock { state in
            guard let map = state.map, map.coverage == RedisSlot.count, !state.nodes.isEmpty else { return false }
            return state.nodes.values.allSatisfy(\.isConnected)
        }
    }

    /// Keeps the connections and the map; see ``RedisClient/run()``.
    func run() async {
        await withTaskCancellationHandler {
            await withTaskGroup(of: Void.self) { surveys in
                surveys.addImmediateTask { await self.keepSurveying() }
                await withDiscardingTaskGroup { connections in
                    for await node in starts { connections.addImmediateTask { await node.run() } }
                }
                surveys.cancelAll()
            }
        } onCancel: {
            shutdown()
        }
    }

    /// Takes no more commands, and lets those that were sent finish.
    func shutdown() {
        let nodes = state.withLock { state in
            state.closed = state.closed ?? .shuttingDown
            return Array(state.nodes.values)
        }
        started.finish()
        nodes.forEach { $0.shutdown() }
        news.send()
    }

    /// Goes on only as long as the nodes answer; see ``RedisClient/endWhenSilent(for:)``.
    func endWhenSilent(for limit: Duration) {
        let nodes = state.withLock { state in
            guard state.farewell == nil else { return [RedisNode]() }
            state.farewell = limit
            return Array(state.nodes.values)
        }
        for node in nodes { endWhenSilent(node, for: limit) }
        watchForTheEnd(limit, since: nil)
    }

    private func endWhenSilent(_ node: RedisNode, for limit: Duration) {
        let address = node.configuration.address.description
        node.endWhenSilent(for: limit) { [weak self] in self?.cancel(because: .silent(for: limit, at: address)) }
    }

    /// Commands that wait for a node to be found wait for an answer, too.
    private func watchForTheEnd(_ limit: Duration, since start: NIODeadline?) {
        eventLoop.scheduleTask(in: .milliseconds(50)) { [weak self] in
            guard let self else { return }
            let (isClosed, isPaused) = state.withLock { ($0.isClosed, $0.paused > 0) }
            guard !isClosed else { return }
            let start = isPaused ? start ?? .now() : nil
            if let start, start + TimeAmount(limit) <= .now() {
                return cancel(because: .silent(for: limit, at: configuration.place))
            }
            watchForTheEnd(limit, since: start)
        }
    }

    private func cancel(because reason: RedisError) {
        let nodes = state.withLock { state in
            state.closed = state.closed ?? reason
            return Array(state.nodes.values)
        }
        started.finish()
        nodes.forEach { $0.cancel(because: reason) }
        news.send()
    }

    /// Has the map asked for again, soon.
    func wantSurvey() {
        requested.yield()
    }

    private func keepSurveying() async {
        var failures = 0
        var backoff = Backoff()
        for await _ in requests {
            failures = await survey() ? 0 : failures + 1
            // Once there was a map, commands wait for the next one; before that they fail at once.
            backoff.most = map == nil ? .seconds(10) : .seconds(1)
            do {
                try await Task.sleep(for: backoff.delay(failures: failures))
            } catch {
                return
            }
            if map == nil { wantSurvey() }
        }
    }

    /// Asks for the map once; whether a node answered.
    private func survey() async -> Bool {
        let began = NIODeadline.now()
        let (candidates, epoch) = state.withLock { (whomToAsk($0), $0.epoch) }
        let result = await ClusterSurvey(configuration, logger: logger).run(asking: candidates, notBefore: epoch)
        guard !Task.isCancelled else { return false }
        let gone: [RedisNode] = state.withLock { state in
            state.surveyed = began
            switch result {
            case .success(let view):
                state.trouble = nil
                return adopt(view, in: &state)
            case .failure(let error):
                state.trouble = error
                return []
            }
        }
        news.send()
        for node in gone { node.shutdown(within: Self.farewell) }
        if case .failure(let error) = result {
            logger.debug("No map of the cluster", metadata: [LogKey.error: "\(error)"])
            return false
        }
        return true
    }

    /// Takes a map over; the nodes that are no primaries on it.
    private func adopt(_ view: ClusterSurvey.View, in state: inout State) -> [RedisNode] {
        let primaries = Set(view.map.primaries)
        if state.map != view.map {
            logger.debug("The map of the cluster has changed", metadata: [LogKey.address: "\(view.address)"])
        }
        state.map = view.map
        state.epoch = view.epoch
        let gone = state.nodes.filter { !primaries.contains($0.key) }
        for address in gone.keys { state.nodes[address] = nil }
        return Array(gone.values)
    }

    /// Whom to ask, the likeliest to answer first: nodes that are connected, other nodes of the map, the seeds.
    private func whomToAsk(_ state: State) -> [ClusterSurvey.Candidate] {
        let nodes = state.nodes
        let primaries = (state.map?.primaries ?? []).shuffled()
        let connected = primaries.filter { nodes[$0]?.isConnected == true }
        let others = primaries + (state.map?.replicas ?? []).shuffled() + configuration.seeds
        var listed: Set<RedisConfiguration.Address> = []
        return (connected + others).filter { listed.insert($0).inserted }.map { address in
            ClusterSurvey.Candidate(address: address, node: connected.contains(address) ? nodes[address] : nil)
        }
    }
}

// MARK: - Looking up

extension ClusterConnections {
    /// Why nothing can be sent at all, for now or for ever; nil where something can.
    var refusal: RedisError? {
        state.withLock { $0.closed ?? ($0.map == nil ? $0.trouble : nil) }
    }

    /// The map; nil before the first answer.
    var map: SlotMap? { state.withLock { $0.map } }

    /// The connections to those that serve some slots, in the same order; nil where nobody is known.
    func nodes(serving slots: [Int]) -> [RedisNode?] {
        state.withLock { state in
            guard !state.isClosed else { return slots.map { _ in nil } }
            guard let map = state.map else { return slots.map { _ in nil } }
            // Thousands of commands go to a handful of nodes, each of which is looked up once.
            var found: [Int: RedisNode] = [:]
            return slots.map { slot in
                guard let number = map.number(of: slot) else { return nil }
                if let node = found[number] { return node }
                let node = node(at: map.address(number), in: &state)
                found[number] = node
                return node
            }
        }
    }

    /// The connection to a node that another one has named.
    func node(named address: RedisConfiguration.Address) -> RedisNode? {
        state.withLock { state in state.isClosed ? nil : node(at: address, in: &state) }
    }

    /// The connection to a primary of the map; nil where it is none any more.
    func primary(at address: RedisConfiguration.Address) -> RedisNode? {
        state.withLock { state in
            guard !state.isClosed else { return nil }
            if let node = state.nodes[address] { return node }
            guard state.map?.primaries.contains(address) == true else { return nil }
            return node(at: address, in: &state)
        }
    }

    /// A node to subscribe on: after a failure another than before.
    func anyNode(_ failures: Int) -> RedisConfiguration.Address {
        let candidates = state.withLock { whomToAsk($0) }
        return candidates.isEmpty ? configuration.address : candidates[failures % candidates.count].address
    }

    /// Whether a server is a node of the cluster, as far as is known.
    func isMember(_ address: RedisConfiguration.Address) -> Bool {
        guard let map else { return true }
        return map.primaries.contains(address) || map.replicas.contains(address)
    }

    /// Notes that a slot is served by another node, and has the map asked for.
    func moved(_ slot: Int, to address: RedisConfiguration.Address) {
        state.withLock { $0.map?.move(slot, to: address) }
        wantSurvey()
    }

    /// Those that serve slots, by a map that is not older than a second, or the last one where no node answers.
    func primaries(within limit: Duration) async throws(RedisError) -> [RedisConfiguration.Address] {
        let asked = NIODeadline.now()
        let end = asked + TimeAmount(limit)
        while true {
            let seen = news.count
            let (map, surveyed) = state.withLock { ($0.map, $0.surveyed) }
            let isFresh = surveyed.map { $0 + .seconds(1) > asked } ?? false
            if let map, isFresh || NIODeadline.now() >= end { return map.primaries }
            if let refusal { throw refusal }
            guard NIODeadline.now() < end else { throw .noMap(within: limit) }
            guard !Task.isCancelled else { throw RedisError(.cancelled, "cancelled while waiting for the map") }
            wantSurvey()
            await news.wait(after: seen, atMost: Duration(end - .now()))
        }
    }

    /// Waits for news, with so many commands of which none is under way.
    func pause(_ count: Int, after seen: Int, atMost limit: Duration) async throws(RedisError) {
        let isFull = state.withLock { state in
            guard state.paused + count <= configuration.pendingLimit else { return true }
            state.paused += count
            return false
        }
        guard !isFull else {
            throw RedisError(.tooManyPending, "more than \(configuration.pendingLimit) commands would wait for a node")
        }
        await news.wait(after: seen, atMost: limit)
        state.withLock { $0.paused -= count }
    }

    private func node(at address: RedisConfiguration.Address, in state: inout State) -> RedisNode {
        if let node = state.nodes[address] { return node }
        let node = RedisNode(
            configuration.at(address), logger: logger, on: eventLoop,
            isAnnounced: !configuration.seeds.contains(address)
        ) { [weak self] in
            self?.wantSurvey()
        }
        state.nodes[address] = node
        if let limit = state.farewell { endWhenSilent(node, for: limit) }
        started.yield(node)
        return node
    }
}

extension RedisError {
    static func noMap(within limit: Duration) -> RedisError {
        RedisError(.timedOut, "no node of the cluster has said within \(limit) who serves which slot")
    }
}
