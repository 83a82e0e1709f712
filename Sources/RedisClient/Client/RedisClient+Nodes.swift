extension RedisClient {
    /// One server that accepts writes: the only one, or a primary of a cluster.
    package struct Node: Hashable, Sendable, CustomStringConvertible {
        let address: RedisConfiguration.Address
        /// Its address, for messages: `127.0.0.1:7000`.
        package let description: String

        init(_ address: RedisConfiguration.Address) {
            self.address = address
            description = address.description
        }

        /// The only server of a configuration, or the one that its Sentinels name.
        init(only configuration: RedisConfiguration) {
            address = configuration.address
            description = configuration.place
        }
    }

    /// Whether keys are distributed over several nodes, so that a command or function only reaches the keys of one
    /// slot.
    package var isCluster: Bool {
        if case .many = servers { true } else { false }
    }

    /// The servers that accept writes, each with a part of the keys; a single one outside a cluster.
    ///
    /// In a cluster the nodes are asked, at most once a second. A primary without slots isn't included.
    ///
    /// - Throws: The reason if no node of the cluster has ever answered.
    package func primaries() async throws(RedisError) -> [Node] {
        guard case .many(let connections) = servers else { return [Node(only: configuration)] }
        return try await connections.primaries(within: configuration.commandDeadline).map(Node.init)
    }

    /// The server of a key as far as known; nil if nothing is known yet or no node serves its slot.
    ///
    /// In a cluster this may have changed when the command arrives: the node then answers `MOVED` or `ASK`.
    package func node(of key: String) -> Node? {
        guard case .many(let connections) = servers else { return Node(only: configuration) }
        return connections.map?.owner(of: RedisSlot.of(key)).map(Node.init)
    }

    /// The servers of all slots, as known at one moment.
    ///
    /// For many keys at once: it uses a number instead of a ``Node`` for each.
    package struct Owners: Sendable {
        private let only: RedisConfiguration
        private let map: SlotMap?
        private let isCluster: Bool

        fileprivate init(_ client: RedisClient) {
            only = client.configuration
            isCluster = client.isCluster
            map = if case .many(let connections) = client.servers { connections.map } else { nil }
        }

        /// The number of the server of a key; nil as for ``RedisClient/node(of:)``.
        package func number(of key: String) -> Int? {
            isCluster ? map?.number(of: RedisSlot.of(key)) : 0
        }

        /// How many servers have a part of the keys, as far as known.
        package var count: Int { isCluster ? map?.primaries.count ?? 0 : 1 }

        /// The server with this number.
        package func node(_ number: Int) -> Node { map.map { Node($0.address(number)) } ?? Node(only: only) }
    }

    /// The servers of all slots as currently known.
    package var owners: Owners { Owners(self) }

    /// Sends a command to one node and waits for its reply; see ``send(_:deadline:)``.
    @discardableResult
    package func send(
        _ command: RedisCommand, to node: Node, deadline: Duration? = nil
    ) async throws(RedisError) -> RedisValue {
        try await begin([command], on: node, deadline: deadline).onlyReply(to: command)
    }

    /// Sends commands to one node together and waits for all replies; see ``pipeline(_:deadline:)``.
    @discardableResult
    package func pipeline(
        _ commands: [RedisCommand], to node: Node, deadline: Duration? = nil
    ) async throws(RedisError) -> [RedisValue] {
        try await begin(commands, on: node, deadline: deadline).replies()
    }

    /// Sends commands to one node together without waiting; see ``begin(_:after:deadline:)``.
    ///
    /// The answer of that node is the reply, even if it says that a key has moved. Nothing is sent to a node that is no
    /// longer a primary: ``RedisError/Code/unreachable``.
    package func begin(
        _ commands: [RedisCommand], on node: Node, after others: PendingReplies? = nil, deadline: Duration? = nil
    ) throws(RedisError) -> PendingReplies {
        guard case .many(let connections) = servers, !commands.isEmpty else {
            return try begin(commands, after: others, deadline: deadline)
        }
        return try begin(commands, .only(node.address), of: connections, after: others, deadline)
    }

    func begin(
        _ commands: [RedisCommand], _ route: ClusterRequest.Route, of connections: ClusterConnections,
        after others: PendingReplies?, _ deadline: Duration?
    ) throws(RedisError) -> PendingReplies {
        .of(
            try ClusterRequest(
                commands, route, of: connections, after: others?.clusterRequest,
                timeout: deadline ?? configuration.commandDeadline))
    }
}
