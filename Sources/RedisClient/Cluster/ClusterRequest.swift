internal import NIOCore

/// Commands for the nodes of a cluster that are sent together and waited for together.
///
/// They are split by node, and all nodes work in parallel. If a node answers `MOVED` or `ASK`, the waiting caller sends
/// the command to the named node. The same applies to a command that was not sent, or may be sent again, when its node
/// is lost. Commands of one slot keep their order unless one of them had to be sent again. Commands for one chosen node
/// are never sent elsewhere.
final class ClusterRequest: Sendable {
    /// The route of the commands.
    enum Route: Sendable, Equatable {
        /// To the node of the key's slot.
        case byKey
        /// To this node only.
        case only(RedisConfiguration.Address)
    }

    /// The replies in the order of the commands, and the nodes that sent them.
    struct Answers {
        var replies: [RedisValue]
        var addresses: [RedisConfiguration.Address?]
        /// Whether a command was sent whose reply never arrived.
        var isUncertain = false
    }

    /// The commands for one node, by position.
    struct Part: Sendable {
        let node: RedisNode?
        let positions: [Int]
        /// Whether each command is preceded by `ASKING`.
        let isAsking: Bool
        let request: Result<RedisRequest, RedisError>
    }

    /// The commands to be sent again.
    private struct Repetition {
        /// The positions of those without `ASKING`.
        var plain: [Int] = []
        var asking: [RedisConfiguration.Address: [Int]] = [:]
        var isRedirected = false
        var isLater = false
        /// Why the last attempt got no answer at all.
        var failure: RedisError?

        var isEmpty: Bool { plain.isEmpty && asking.isEmpty }
    }

    /// How many consecutive `MOVED` and `ASK` answers a command follows; nodes that disagree longer aren't waited for.
    static let redirectionLimit = 8
    private static let backoff = Backoff(first: .milliseconds(20), most: .milliseconds(500))

    private let connections: ClusterConnections
    private let commands: [RedisCommand]
    private let slots: [Int]
    private let route: Route
    private let timeout: Duration
    private let deadline: NIODeadline
    private let first: [Part]

    /// Sends at least one command, as far as the nodes are known.
    ///
    /// - Parameter others: earlier commands; on each node these commands wait for the others there.
    init(
        _ commands: [RedisCommand], _ route: Route, of connections: ClusterConnections,
        after others: ClusterRequest? = nil, timeout: Duration
    ) throws(RedisError) {
        if let refusal = connections.refusal { throw refusal.of(Self.name(of: commands)) }
        self.connections = connections
        self.commands = commands
        self.route = route
        self.timeout = timeout
        slots = route == .byKey ? commands.map { $0.slot ?? connections.homeSlot } : []
        deadline = .now() + TimeAmount(max(timeout, .zero))
        first = Self.place(commands, slots, route, on: connections).map { node, positions in
            let part = commands.count == positions.count ? commands : positions.map { commands[$0] }
            return Part(
                node: node, positions: positions, isAsking: false,
                request: Self.begin(part, on: node, after: node.flatMap { others?.request(on: $0) }, timeout))
        }
    }

    /// How long the first attempt took, from socket to socket, on all nodes together.
    var elapsed: Duration {
        let requests = first.compactMap { try? $0.request.get() }
        guard let written = requests.compactMap(\.writtenAt).min(),
            let finished = requests.compactMap(\.finishedAt).max()
        else { return .zero }
        return written.duration(to: finished)
    }

    private func request(on node: RedisNode) -> RedisRequest? {
        first.first { $0.node === node }.flatMap { try? $0.request.get() }
    }

    /// Waits for all replies, and sends redirected commands again.
    ///
    /// It must be called once.
    func outcome() async throws(RedisError) -> Answers {
        var answers = Answers(
            replies: Array(repeating: .null, count: commands.count),
            addresses: Array(repeating: nil, count: commands.count))
        var parts = first
        var redirections = 0
        var pauses = 0
        while true {
            let seen = connections.news.count
            var repetition = Repetition()
            for part in parts {
                try await collect(part, into: &answers, &repetition)
            }
            guard !repetition.isEmpty else { return answers }
            redirections = repetition.isRedirected ? redirections + 1 : 0
            if redirections > Self.redirectionLimit { throw tooManyRedirections(repetition, answers) }
            if repetition.isLater || redirections > 2 {
                pauses += 1
                guard try await pause(pauses, repetition, after: seen) else { return answers }
            }
            parts = send(repetition)
        }
    }
}

// MARK: - Sending

extension ClusterRequest {
    /// The commands by node, in order; those of slots without a known node have none.
    private static func place(
        _ commands: [RedisCommand], _ slots: [Int], _ route: Route, on connections: ClusterConnections
    ) -> [(RedisNode?, [Int])] {
        switch route {
        case .only(let address): [(connections.primary(at: address), Array(commands.indices))]
        case .byKey: group(Array(commands.indices), by: connections.nodes(serving: slots))
        }
    }

    private static func group(_ positions: [Int], by nodes: [RedisNode?]) -> [(RedisNode?, [Int])] {
        var groups: [(node: RedisNode?, positions: [Int])] = []
        for (position, node) in zip(positions, nodes) {
            if let index = groups.firstIndex(where: { $0.node === node }) {
                groups[index].positions.append(position)
            } else {
                groups.append((node, [position]))
            }
        }
        return groups
    }

    private static func begin(
        _ commands: [RedisCommand], on node: RedisNode?, after predecessor: RedisRequest? = nil, _ timeout: Duration
    ) -> Result<RedisRequest, RedisError> {
        guard let node else { return .failure(RedisError(.unreachable, "no node is known for its slot")) }
        do {
            return .success(try node.begin(commands, after: predecessor, deadline: timeout))
        } catch {
            return .failure(error)
        }
    }

    private func send(_ repetition: Repetition) -> [Part] {
        let left = Duration(deadline - .now())
        let groups =
            switch route {
            case .only(let address): [(connections.primary(at: address), repetition.plain)]
            case .byKey:
                Self.group(
                    repetition.plain, by: connections.nodes(serving: repetition.plain.map { slots[$0] }))
            }
        let plain = groups.map { node, positions in
            Part(
                node: node, positions: positions, isAsking: false,
                request: Self.begin(positions.map { commands[$0] }, on: node, left))
        }
        return plain
            + repetition.asking.map { address, positions in
                let node = connections.node(named: address)
                let asked = positions.flatMap { [RedisCommand.repeatable("ASKING"), commands[$0]] }
                return Part(
                    node: node, positions: positions, isAsking: true, request: Self.begin(asked, on: node, left))
            }
    }

    /// Waits before the next attempt; returns whether there is one.
    ///
    /// After the deadline, the last answer of a server is the reply.
    private func pause(_ number: Int, _ repetition: Repetition, after seen: Int) async throws(RedisError) -> Bool {
        let left = Duration(deadline - .now())
        let delay = Self.backoff.delay(failures: number)
        if left > .zero {
            let count = repetition.plain.count + repetition.asking.values.reduce(0) { $0 + $1.count }
            try await connections.pause(count, after: seen, atMost: min(delay, left))
        }
        if Task.isCancelled {
            throw RedisError(.cancelled, "cancelled while waiting for a node").of(name)
        }
        guard deadline <= .now() else { return true }
        guard let failure = repetition.failure else { return false }
        throw failure
    }
}

// MARK: - Collecting

extension ClusterRequest {
    private func collect(
        _ part: Part, into answers: inout Answers, _ repetition: inout Repetition
    ) async throws(RedisError) {
        let replies: [RedisValue]
        do {
            replies = try await part.request.get().outcome()
        } catch {
            return try note(error, of: part, &answers, &repetition)
        }
        guard let address = part.node?.configuration.address else { return }
        for (index, position) in part.positions.enumerated() {
            let reply = replies[part.isAsking ? 2 * index + 1 : index]
            answers.replies[position] = reply
            answers.addresses[position] = address
            guard let error = reply.error, let redirection = Redirection(error, from: address) else { continue }
            follow(redirection, error, position, &repetition)
        }
    }

    private func follow(
        _ redirection: Redirection, _ error: RedisServerError, _ position: Int, _ repetition: inout Repetition
    ) {
        if route != .byKey {
            // The caller chose the node and decides what to do; its next choice should be better.
            return connections.wantSurvey()
        }
        switch redirection {
        case .moved(let slot, let address):
            connections.moved(slot, to: address)
            repetition.plain.append(position)
            repetition.isRedirected = true
        case .asking(let address):
            repetition.asking[address, default: []].append(position)
            repetition.isRedirected = true
        case .later:
            if error.code != "TRYAGAIN" { connections.wantSurvey() }
            repetition.plain.append(position)
            repetition.isLater = true
        }
    }

    /// Collects commands that were not executed, or may be sent twice; throws if neither is certain.
    private func note(
        _ failure: RedisError, of part: Part, _ answers: inout Answers, _ repetition: inout Repetition
    ) throws(RedisError) {
        answers.isUncertain = answers.isUncertain || failure.mayHaveRun
        let mayHaveRun = answers.isUncertain || part.positions.count < commands.count
        if let refusal = connections.refusal { throw refusal.of(name, mayHaveRun: mayHaveRun) }
        let reason = part.node == nil ? unserved(at: part.positions[0]) : failure
        let error = reason.of(reason.command ?? name, mayHaveRun: mayHaveRun)
        let isRepeatable = !failure.mayHaveRun || part.positions.allSatisfy { commands[$0].isIdempotent }
        let isPassing = [.unreachable, .shuttingDown, .outcomeUnknown].contains(failure.code)
        guard isRepeatable, isPassing, deadline > .now() else { throw error }
        // A chosen node that is no longer a primary has no successor.
        if route != .byKey, part.node == nil, connections.map != nil { throw error }
        connections.wantSurvey()
        repetition.plain += part.positions
        repetition.failure = error
        // A released node already has a successor.
        if failure.code == .shuttingDown { repetition.isRedirected = true } else { repetition.isLater = true }
    }

    private func unserved(at position: Int) -> RedisError {
        if case .only(let address) = route {
            return RedisError(
                .unreachable, "it is no longer a primary of the cluster", address: address.description)
        }
        guard let map = connections.map else { return .noMap(within: timeout) }
        return RedisError(
            .unreachable,
            "no node serves slot \(slots[position]): \(map.summary)")
    }

    private func tooManyRedirections(_ repetition: Repetition, _ answers: Answers) -> RedisError {
        let position = repetition.plain.first ?? repetition.asking.values.first?.first ?? 0
        let answer = answers.replies[position].error
        return RedisError(
            .server, "redirected more than \(Self.redirectionLimit) times in a row, last by “\(answer?.message ?? "")”",
            command: commands[position].name, address: answers.addresses[position]?.description, server: answer,
            mayHaveRun: commands.count > 1)
    }

    /// The message on slots that no node serves, if there are any.
    var gap: String? {
        guard let map = connections.map, map.coverage < RedisSlot.count else { return nil }
        return map.summary
    }

    private var name: String { Self.name(of: commands) }

    private static func name(of commands: [RedisCommand]) -> String {
        commands.count == 1 ? commands[0].name : "\(commands[0].name) and \(commands.count - 1) more"
    }
}
