internal import Logging
package import RedisClient
internal import Synchronization

/// A private Redis Cluster, for one test: primaries that share all slots, and replicas of each.
///
/// Its servers die with this object or with the test process.
package final class RedisCluster: Sendable {
    /// One server of the cluster.
    package struct Member: Sendable {
        /// The process, to be killed, frozen or restarted.
        package let server: RedisServer
        /// Its name among the nodes.
        package let identifier: String
        fileprivate let busPort: Int

        /// Where it is, as clients know it: `127.0.0.1:7000`.
        package var address: String { "127.0.0.1:\(server.port)" }
    }

    /// How the servers of a cluster are started.
    package struct Options: Sendable {
        /// How clients and the nodes reach them.
        package var transport = RedisServer.Transport.tcp
        /// More of redis-server's arguments: with credentials, those that make the servers know them and each other.
        package var arguments: [String] = []
        /// What to sign in with.
        package var credentials: RedisConfiguration.Credentials?
        /// TLS for clients, where it is not the usual one of the certificates.
        package var tls: RedisConfiguration.TLS?
        /// How long a node may be silent before the others call it failed.
        package var nodeTimeout = Duration.milliseconds(1500)

        /// Plain servers without a password.
        package init() {}
    }

    private let options: Options
    private let known: Mutex<[Member]>

    private init(_ options: Options, _ members: [Member]) {
        self.options = options
        known = Mutex(members)
    }

    /// Starts primaries that share all slots evenly, and so many replicas of each, and waits until all of them serve.
    ///
    /// The primaries are the first of ``members``; their replicas follow, those of the first primary first.
    package static func start(
        primaries count: Int = 3, replicas: Int = 0, options: Options = Options()
    ) async throws -> RedisCluster {
        let members = try await withThrowingTaskGroup(of: Member.self) { group in
            for _ in 0..<count * (1 + replicas) { group.addTask { try await launch(options) } }
            return try await group.reduce(into: [Member]()) { $0.append($1) }
        }
        let cluster = RedisCluster(options, members)
        let share = Double(RedisSlot.count) / Double(count)
        for (number, member) in members.enumerated() {
            // Epochs that differ from the start: no election is needed to tell the primaries apart.
            try await cluster.order(member, "SET-CONFIG-EPOCH", "\(number + 1)")
            if number < count {
                let slots = Int(Double(number) * share)..<Int(Double(number + 1) * share)
                try await cluster.order(member, "ADDSLOTSRANGE", "\(slots.lowerBound)", "\(slots.upperBound - 1)")
            }
            if number > 0 { try await cluster.introduce(member, to: members[0]) }
        }
        try await cluster.waitUntilAllKnowEachOther()
        for (number, member) in members.dropFirst(count).enumerated() {
            try await cluster.follow(members[number / replicas], with: member)
        }
        try await cluster.waitUntilServing()
        return cluster
    }

    /// Every server that was ever part of it, in the order of starting.
    package var members: [Member] { known.withLock { $0 } }

    /// What a client needs, with all the servers as seeds.
    package var configuration: RedisConfiguration {
        let addresses = members.map(\.server.configuration.address)
        var configuration = members[0].server.configuration
        configuration.otherSeeds = Array(addresses.dropFirst())
        configuration.topology = .cluster
        return configuration
    }

    /// The URL of a cluster without TLS and password.
    package var url: String { "redis+cluster://" + members.map(\.address).joined(separator: ",") }

    /// Ends all of it.
    package func kill() async {
        for member in members { await member.server.kill() }
    }

    /// Starts one more primary, without slots, and waits until all know it and it serves.
    @discardableResult
    package func addPrimary() async throws -> Member {
        let member = try await Self.launch(options)
        let others = known.withLock { known in
            defer { known.append(member) }
            return known
        }
        try await introduce(member, to: try await firstRunning(of: others))
        try await waitUntilAllKnowEachOther()
        try await waitUntilServing()
        return member
    }

    /// Starts one more replica of a primary, and waits until it has all data.
    @discardableResult
    package func addReplica(of primary: Member) async throws -> Member {
        let member = try await addPrimary()
        try await follow(primary, with: member)
        return member
    }

    /// Makes every running server forget one, which has no slots any more, and makes that one a node of its own.
    package func remove(_ member: Member) async throws {
        known.withLock { $0.removeAll { $0.identifier == member.identifier } }
        for other in members where await isRunning(other) {
            try await order(other, "FORGET", member.identifier)
        }
        if await isRunning(member) { try await order(member, "RESET", "SOFT") }
    }

    /// Lets a replica take over in good order, and waits until it is a primary.
    package func failOver(to replica: Member) async throws {
        try await eventually("\(replica.address) is a replica that has all data, and its primary knows it") {
            let role = try await send(RedisCommand("ROLE"), to: replica)
            guard role[0].string == "slave", role[3].string == "connected",
                let primary = members.first(where: { Int64($0.server.port) == role[2].integer })
            else { return false }
            let replicas = try await send(RedisCommand("CLUSTER", ["REPLICAS", primary.identifier]), to: primary)
            return replicas.elements.contains { $0.string?.hasPrefix(replica.identifier) == true }
        }
        // A server gives up after five seconds, which on a busy machine is little, and waits to be told again.
        var told = ContinuousClock.now
        try await order(replica, "FAILOVER")
        try await eventually("\(replica.address) has taken over in good order", within: .seconds(90)) {
            if try await send(RedisCommand("ROLE"), to: replica)[0].string == "master" { return true }
            if told.duration(to: .now) > .seconds(7) {
                told = .now
                try await order(replica, "FAILOVER")
            }
            return false
        }
        try await waitUntilPrimary(replica)
    }

    /// Waits until a replica has taken over.
    package func waitUntilPrimary(_ replica: Member) async throws {
        try await eventually("\(replica.address) is a primary that serves") {
            let role = try await send(RedisCommand("ROLE"), to: replica)
            guard role[0].string == "master" else { return false }
            return try await fact("cluster_state", of: replica) == "ok"
        }
    }

    /// Waits until every running server says that the cluster serves.
    package func waitUntilServing() async throws {
        for member in members where await isRunning(member) {
            try await eventually("\(member.address) serves") { try await fact("cluster_state", of: member) == "ok" }
        }
    }
}

// MARK: - Asking and ordering

extension RedisCluster {
    /// Sends a command to one server, whatever keys it holds.
    @discardableResult
    package func send(_ command: RedisCommand, to member: Member) async throws -> RedisValue {
        try await RedisClient.withClient(member.server.configuration, logger: Logger(label: "test")) { client in
            try await client.send(command)
        }
    }

    @discardableResult
    func send(_ commands: [RedisCommand], to member: Member) async throws -> [RedisValue] {
        try await RedisClient.withClient(member.server.configuration, logger: Logger(label: "test")) { client in
            let replies = try await client.pipeline(commands, deadline: .seconds(30))
            if let error = replies.lazy.compactMap(\.error).first { throw ChildProcessError(error.message) }
            return replies
        }
    }

    func order(_ member: Member, _ words: String...) async throws {
        try await send(RedisCommand("CLUSTER", words), to: member)
    }

    /// A line of `CLUSTER INFO`.
    func fact(_ name: String, of member: Member) async throws -> String? {
        let info = try await send(RedisCommand("CLUSTER", ["INFO"]), to: member).string ?? ""
        let line = info.split(whereSeparator: \.isNewline).first { $0.hasPrefix("\(name):") }
        return line.map { String($0.dropFirst(name.utf8.count + 1)) }
    }

    func isRunning(_ member: Member) async -> Bool {
        do {
            var configuration = member.server.configuration
            configuration.commandDeadline = .seconds(1)
            _ = try await RedisClient.withClient(configuration, logger: Logger(label: "test")) { client in
                try await client.send(RedisCommand("PING"))
            }
            return true
        } catch {
            return false
        }
    }

    func firstRunning(of members: [Member]) async throws -> Member {
        for member in members where await isRunning(member) { return member }
        throw ChildProcessError("no server of the cluster runs")
    }

    private static func launch(_ options: Options) async throws -> Member {
        var attempts = 0
        while true {
            attempts += 1
            let busPort = try freePort()
            let timeout = options.nodeTimeout / .milliseconds(1)
            let arguments = [
                "--cluster-enabled", "yes", "--cluster-port", "\(busPort)", "--cluster-config-file", "nodes.conf",
                "--cluster-node-timeout", "\(Int(timeout))", "--cluster-allow-replica-migration", "no",
                "--repl-diskless-sync-delay", "0",
            ]
            do {
                let server = try await RedisServer.start(
                    options.transport, arguments: arguments + options.linkArguments + options.arguments,
                    credentials: options.credentials, tls: options.tls)
                return Member(server: server, identifier: try await identifier(of: server), busPort: busPort)
            } catch let error as ChildProcessError {
                // Another process may have taken the port of the bus in between.
                guard attempts < 5, error.description.contains("already in use") else { throw error }
            }
        }
    }

    /// The name of a node, which must be the process that was started.
    ///
    /// A server that could not have its port is not the one that answers there.
    private static func identifier(of server: RedisServer) async throws -> String {
        try await RedisClient.withClient(server.configuration, logger: Logger(label: "test")) { client in
            let info = try await client.send(RedisCommand("INFO", ["server"])).string ?? ""
            guard info.split(whereSeparator: \.isNewline).contains("process_id:\(server.processIdentifier)") else {
                throw ChildProcessError("the port is already in use")
            }
            return try await client.send(RedisCommand("CLUSTER", ["MYID"])).string ?? ""
        }
    }

    private func introduce(_ member: Member, to other: Member) async throws {
        try await order(other, "MEET", "127.0.0.1", "\(member.server.port)", "\(member.busPort)")
    }

    private func follow(_ primary: Member, with replica: Member) async throws {
        try await order(replica, "REPLICATE", primary.identifier)
        try await eventually("\(replica.address) has all data of \(primary.address)") {
            let info = try await send(RedisCommand("INFO", ["replication"]), to: replica).string ?? ""
            return info.contains("master_link_status:up")
        }
    }

    private func waitUntilAllKnowEachOther() async throws {
        let members = members
        for member in members where await isRunning(member) {
            try await eventually("\(member.address) knows all others") {
                let nodes = try await send(RedisCommand("CLUSTER", ["NODES"]), to: member).string ?? ""
                return members.allSatisfy { nodes.contains($0.identifier) } && !nodes.contains("handshake")
            }
        }
    }
}

extension RedisCluster.Options {
    /// With TLS the nodes talk to each other by it too.
    fileprivate var linkArguments: [String] {
        guard case .tls = transport else { return [] }
        return ["--tls-cluster", "yes", "--tls-replication", "yes"]
    }
}

/// Runs a body with a private cluster and a client of it.
package func withClusterAndClient<Result: Sendable>(
    primaries: Int = 3,
    replicas: Int = 0,
    options: RedisCluster.Options = RedisCluster.Options(),
    _ body: (RedisCluster, RedisClient) async throws -> Result
) async throws -> Result {
    let cluster = try await RedisCluster.start(primaries: primaries, replicas: replicas, options: options)
    do {
        let result = try await RedisClient.withClient(
            cluster.configuration, logger: Logger(label: "test")
        ) { client in
            try await body(cluster, client)
        }
        await cluster.kill()
        return result
    } catch {
        await cluster.kill()
        throw error
    }
}
