extension RedisClient {
    /// One server that takes writes: the only one, or a primary of a cluster.
    package struct Node: Hashable, Sendable, CustomStringConvertible {
        let address: RedisConfiguration.Address
        /// Where it is, for messages: `127.0.0.1:7000`.
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

    /// Whether keys are spread over several nodes, so that a command or a function reaches the keys of one slot alone.
    package var isCluster: Bool {
        if case .many = servers { true } else { false }
    }

    /// The servers that take writes, each of which holds a part of the keys; one, where this is no cluster.
    ///
    /// In a cluster the nodes are asked, unless they were within the last second. A primary without a slot is none.
    ///
    /// - Throws: The reason where no node of the cluster has ever said which they are.
    package func primaries() async throws(RedisError) -> [Node] {
        guard case .many(let connections) = servers else { return [Node(only: configuration)] }
        return try await connections.primaries(within: configuration.commandDeadline).map(Node.init)
    }

    /// The server that holds a key, as far as is known; nil where nothing is known yet, or no node serves its slot.
    ///
    /// In a cluster this may have changed when the command arrives: the node then answers `MOVED` or `ASK`.
    package func node(of key: String) -> Node? {
        guard case .many(let connections) = servers else { return Node(only: configuration) }
        return connections.map?.owner(of: RedisSlot.of(key)).map(Node.init)
    }

    /// Who serves which slot, as far as was known at one moment.
    ///
    /// For many keys at once: a number instead of a ``Node`` for each.
    package struct Owners: Sendable {
        private let only: RedisConfiguration
        private let map: SlotMap?
        private let isCluster: Bool

        fileprivate init(_ client: RedisClient) {
            only = client.configuration
            isCluster = client.isCluster
            map = if case .many(let connections) = client.servers { connections.map } else { nil }
        }

        /// The number of the server that holds a key; nil as with ``RedisClient/node(of:)``.
        package func number(of key: String) -> Int? {
            isCluster ? map?.number(of: RedisSlot.of(key)) : 0
        }

        /// The server of such a number.
        package func node(_ number: Int) -> Node { map.map { Node($0.address(number)) } ?? Node(only: only) }
    }

    /// The servers of all keys, as they are known now.
    package var owners: Owners { Owners(self) }

    /// Sends a command to one node and waits for its reply; see ``send(_:deadline:)``.
    @discardableResult
    package func send(
        _ command: RedisCommand, to node: Node, deadline: Duration? = nil
    ) async throws(RedisError) -> RedisValue {
        try await begin([command], on: node, deadline: deadline).onlyReply(to: command)
    }

    /// Sends commands to one node together and waits for all their replies; see ``pipeline(_:deadline:)``.
    @discardableResult
    package func pipeline(
        _ commands: [RedisCommand], to node: Node, deadline: Duration? = nil
    ) async throws(RedisError) -> [RedisValue] {
        try await begin(commands, on: node, deadline: deadline).replies()
    }

    /// Sends commands to one node together and leaves the waiting for later; see ``begin(_:after:deadline:)``.
    ///
    /// What that node answers is the reply, also where it says that a key has moved. A node that is no primary any more is
    /// sent nothing: ``RedisError/Code/unreachable``.
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
