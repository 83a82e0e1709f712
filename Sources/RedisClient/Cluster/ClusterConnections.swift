internal import Logging
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// The nodes of a cluster: the slot map, and a connection to each primary that was needed.
///
/// The map is read when ``run()`` starts, and again when a node is lost, reports a moved slot, or is slow; one read at
/// a time. A node that isn't a primary on the new map is released: sent commands are waited for shortly, and unsent
/// ones go to other nodes.
final class ClusterConnections: Sendable {
    private struct State {
        /// Nil before the first answer.
        var map: SlotMap?
        /// The epoch of the map.
        var epoch: Int64 = 0
        /// The connections to primaries of the map, or to nodes that another node has named since.
        var nodes: [RedisConfiguration.Address: RedisNode] = [:]
        /// Why the last survey found no map; nil if it did.
        var trouble: RedisError?
        /// When the last completed survey started.
        var surveyed: NIODeadline?
        /// The number of commands that wait for a change of the map.
        var paused = 0
        /// Why no more commands are accepted; nil if they are.
        var closed: RedisError?
        /// How long a node may be silent during a shutdown; nil before it.
        var farewell: Duration?

        var isClosed: Bool { closed != nil }
    }

    /// How long a released node may take to answer sent commands.
    private static let farewell = Duration.seconds(1)

    let configuration: RedisConfiguration
    /// The slot of commands without a key, so that the time, for example, always comes from the same server.
    let homeSlot: Int
    /// The event loop of all connections: a call to several nodes returns on one thread.
    let eventLoop: any EventLoop = MultiThreadedEventLoopGroup.singleton.any()
    /// Signals a new map, a failed survey or a shutdown.
    let news = AsyncSignal()
    private let logger: Logger
    private let state = Mutex(State())
    private let (starts, started) = AsyncStream<RedisNode>.makeStream()
    private let (requests, requested) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))

    /// Creates connections, which are made once ``run()`` is called.
    init(_ configuration: RedisConfiguration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
        homeSlot = RedisSlot.of(configuration.homeKey)
        wantSurvey()
    }

    /// Whether the map is complete, and all needed nodes are connected.
    var isConnected: Bool {
        state.withLock { state in
            guard let map = state.map, map.coverage == RedisSlot.count, !state.nodes.isEmpty else { return false }
            return state.nodes.values.allSatisfy(\.isConnected)
        }
    }

    /// Maintains the connections and the map; see ``RedisClient/run()``.
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

    /// Accepts no more commands, and lets sent ones finish.
    func shutdown() {
        let nodes = state.withLock { state in
            state.closed = state.closed ?? .shuttingDown
            return Array(state.nodes.values)
        }
        started.finish()
        nodes.forEach { $0.shutdown() }
        news.send()
    }

    /// Continues only as long as the nodes answer; see ``RedisClient/endWhenSilent(for:)``.
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

    /// Commands that wait for a node are waiting for an answer too.
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

    /// Requests a new read of the map soon.
    func wantSurvey() {
        requested.yield()
    }

    private func keepSurveying() async {
        var failures = 0
        var backoff = Backoff()
        for await _ in requests {
            failures = await survey() ? 0 : failures + 1
            // If there was a map before, commands wait for the next one; otherwise they fail at once.
            backoff.most = map == nil ? .seconds(10) : .seconds(1)
            do {
                try await Task.sleep(for: backoff.delay(failures: failures))
            } catch {
                return
            }
            if map == nil { wantSurvey() }
        }
    }

    /// Reads the map once; returns whether a node answered.
    private func survey() async -> Bool {
        let began = NIODeadline.now()
        let (candidates, epoch) = state.withLock { (surveyCandidates($0), $0.epoch) }
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

    /// Adopts a map; returns the nodes that aren't primaries on it.
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

    /// The nodes to ask, the most promising first: connected nodes, other nodes of the map, the seeds.
    private func surveyCandidates(_ state: State) -> [ClusterSurvey.Candidate] {
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
    /// Why no command can be sent, now or ever; nil if commands can be sent.
    var refusal: RedisError? {
        state.withLock { $0.closed ?? ($0.map == nil ? $0.trouble : nil) }
    }

    /// The map; nil before the first answer.
    var map: SlotMap? { state.withLock { $0.map } }

    /// The connections to the nodes of these slots, in the same order; nil for a slot without a known node.
    func nodes(serving slots: [Int]) -> [RedisNode?] {
        state.withLock { state in
            guard !state.isClosed else { return slots.map { _ in nil } }
            guard let map = state.map else { return slots.map { _ in nil } }
            // Thousands of commands go to a few nodes, each of which is looked up once.
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

    /// The connection to a node that another node has named.
    func node(named address: RedisConfiguration.Address) -> RedisNode? {
        state.withLock { state in state.isClosed ? nil : node(at: address, in: &state) }
    }

    /// The connection to a primary of the map; nil if it isn't one any more.
    func primary(at address: RedisConfiguration.Address) -> RedisNode? {
        state.withLock { state in
            guard !state.isClosed else { return nil }
            if let node = state.nodes[address] { return node }
            guard state.map?.primaries.contains(address) == true else { return nil }
            return node(at: address, in: &state)
        }
    }

    /// A node to subscribe on; after a failure, a different one.
    func anyNode(_ failures: Int) -> RedisConfiguration.Address {
        let candidates = state.withLock { surveyCandidates($0) }
        return candidates.isEmpty ? configuration.address : candidates[failures % candidates.count].address
    }

    /// Whether a server is a known node of the cluster.
    func isMember(_ address: RedisConfiguration.Address) -> Bool {
        guard let map else { return true }
        return map.primaries.contains(address) || map.replicas.contains(address)
    }

    /// Records that another node serves a slot, and requests a new map.
    func moved(_ slot: Int, to address: RedisConfiguration.Address) {
        state.withLock { $0.map?.move(slot, to: address) }
        wantSurvey()
    }

    /// The primaries by a map that is at most a second old, or by the last one if no node answers.
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

    /// Waits for a signal, on behalf of a number of unsent commands.
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
        RedisError(.timedOut, "no node of the cluster returned the slot map within \(limit)")
    }
}
