internal import Foundation
internal import Logging
package import RedisClient

/// A primary with replicas, and Sentinels that watch them, for one test.
///
/// All of them die with this object or with the test process.
package final class RedisSentinels: Sendable {
    /// How the servers and the Sentinels are started.
    package struct Options: Sendable {
        /// How clients, Sentinels and replicas reach the servers, and clients the Sentinels.
        package var transport = RedisServer.Transport.tcp
        /// More arguments of the servers: with credentials, those that make the servers know them.
        package var arguments: [String] = []
        /// What clients, Sentinels and replicas sign in to the servers with.
        package var credentials: RedisConfiguration.Credentials?
        /// More lines of the Sentinels' file: with credentials, those that make the Sentinels know them.
        package var sentinelLines: [String] = []
        /// What clients sign in to the Sentinels with.
        package var sentinelCredentials: RedisConfiguration.Credentials?
        /// How long the primary may be silent before a Sentinel names it down.
        package var downAfter = Duration.milliseconds(1000)
        /// How many Sentinels there are; all but the half must agree.
        package var sentinelCount = 3

        /// Plain servers and Sentinels without a password.
        package init() {}
    }

    /// What the Sentinels call the primary.
    package static let name = "main"

    /// The servers; the first one is the primary at the start.
    package let servers: [RedisServer]
    /// The Sentinels.
    package let sentinels: [RedisServer]
    private let options: Options

    private init(_ servers: [RedisServer], _ sentinels: [RedisServer], _ options: Options) {
        self.servers = servers
        self.sentinels = sentinels
        self.options = options
    }

    /// Starts all of it, and waits until the Sentinels know each other and both replicas.
    package static func start(options: Options = Options()) async throws -> RedisSentinels {
        let link = options.linkArguments + options.arguments
        let first = try await startServer(options, link)
        let follow = ["--replicaof", "127.0.0.1 \(first.port)"]
        let servers = [
            first, try await startServer(options, link + follow), try await startServer(options, link + follow),
        ]
        for server in servers.dropFirst() {
            try await eventually("a replica has all data") {
                let info = try await ask(server.configuration, "INFO", "replication").string ?? ""
                return info.contains("master_link_status:up")
            }
        }
        var sentinels: [RedisServer] = []
        for _ in 0..<options.sentinelCount {
            let sentinel = try await RedisServer.start(
                options.transport, credentials: options.sentinelCredentials,
                sentinel: file(of: first.port, options))
            sentinels.append(sentinel)
        }
        let group = RedisSentinels(servers, sentinels, options)
        try await group.waitUntilComplete()
        return group
    }

    private static func startServer(_ options: Options, _ arguments: [String]) async throws -> RedisServer {
        try await RedisServer.start(options.transport, arguments: arguments, credentials: options.credentials)
    }

    private static func file(of port: Int, _ options: Options) -> String {
        let quorum = options.sentinelCount / 2 + 1
        var lines = [
            "sentinel monitor \(name) 127.0.0.1 \(port) \(quorum)",
            "sentinel down-after-milliseconds \(name) \(Int(options.downAfter / .milliseconds(1)))",
            "sentinel failover-timeout \(name) 3000",
            "sentinel parallel-syncs \(name) 2",
        ]
        if let credentials = options.credentials {
            if let user = credentials.user { lines.append("sentinel auth-user \(name) \(user)") }
            lines.append("sentinel auth-pass \(name) \(credentials.password)")
        }
        if case .tls = options.transport { lines.append("tls-replication yes") }
        return (lines + options.sentinelLines).joined(separator: "\n") + "\n"
    }

    /// What a client needs, with all Sentinels as seeds.
    package var configuration: RedisConfiguration {
        var configuration = servers[0].configuration
        configuration.address = sentinels[0].configuration.address
        configuration.otherSeeds = sentinels.dropFirst().map(\.configuration.address)
        configuration.topology = .sentinel(.init(name: Self.name, credentials: options.sentinelCredentials))
        return configuration
    }

    /// The URL of servers without TLS and password.
    package var url: String {
        "redis+sentinel://" + sentinels.map { "127.0.0.1:\($0.port)" }.joined(separator: ",") + "/\(Self.name)/0"
    }

    /// Ends all of it.
    package func kill() async {
        for server in sentinels + servers { await server.kill() }
    }

    /// The server that a Sentinel names the primary.
    package func primary(accordingTo sentinel: Int = 0) async throws -> RedisServer {
        let words = ["GET-MASTER-ADDR-BY-NAME", Self.name]
        let reply = try await Self.ask(sentinels[sentinel].configuration, "SENTINEL", words[0], words[1])
        guard let server = servers.first(where: { Int64($0.port) == reply[1].integer }) else {
            throw ChildProcessError("a Sentinel names \(reply) the primary")
        }
        return server
    }

    /// Waits until a Sentinel names another server the primary, and that one says so too.
    package func waitForAnother(than old: RedisServer, accordingTo sentinel: Int = 0) async throws -> RedisServer {
        try await eventually("another primary", within: .seconds(60)) {
            let server = try await primary(accordingTo: sentinel)
            guard server.port != old.port else { return nil }
            return try await Self.ask(server.configuration, "ROLE")[0].string == "master" ? server : nil
        }
    }

    /// Lets the Sentinels choose another primary in good order.
    package func failOver() async throws {
        _ = try await Self.ask(sentinels[0].configuration, "SENTINEL", "FAILOVER", Self.name)
    }

    /// Sends a command to one server alone.
    @discardableResult
    package func send(_ words: String..., to server: RedisServer) async throws -> RedisValue {
        try await Self.ask(server.configuration, words)
    }

    private static func ask(_ configuration: RedisConfiguration, _ words: String...) async throws -> RedisValue {
        try await ask(configuration, words)
    }

    private static func ask(_ configuration: RedisConfiguration, _ words: [String]) async throws -> RedisValue {
        let command = RedisCommand.repeatable(words[0], Array(words.dropFirst()))
        return try await RedisClient.withClient(configuration, logger: Logger(label: "test")) { client in
            try await eventually("\(words[0]) isn't asked of a server that is loading") {
                do {
                    return try await client.send(command)
                } catch let error as RedisError where error.server?.code == "LOADING" {
                    return nil
                }
            }
        }
    }

    private func waitUntilComplete() async throws {
        for sentinel in sentinels {
            try await eventually("a Sentinel knows all others", within: .seconds(60)) {
                let facts = try await Self.ask(sentinel.configuration, "SENTINEL", "MASTER", Self.name)
                return facts.field("num-other-sentinels")?.string == "\(sentinels.count - 1)"
                    && facts.field("num-slaves")?.string == "2" && facts.field("flags")?.string == "master"
            }
            try await eventually("a Sentinel may choose both replicas", within: .seconds(60)) {
                let replicas = try await Self.ask(sentinel.configuration, "SENTINEL", "REPLICAS", Self.name)
                return replicas.elements.allSatisfy {
                    $0.field("flags")?.string == "slave" && $0.field("master-link-status")?.string == "ok"
                }
            }
        }
    }
}

extension RedisSentinels.Options {
    /// With TLS the replicas follow their primary by it too.
    fileprivate var linkArguments: [String] {
        var arguments = ["--repl-diskless-sync-delay", "0"]
        if case .tls = transport { arguments += ["--tls-replication", "yes"] }
        if let credentials {
            if let user = credentials.user { arguments += ["--masteruser", user] }
            arguments += ["--masterauth", credentials.password]
        }
        return arguments
    }
}

/// Runs a body with a private primary, two replicas and Sentinels.
package func withSentinels<Result: Sendable>(
    options: RedisSentinels.Options = RedisSentinels.Options(),
    _ body: (RedisSentinels) async throws -> Result
) async throws -> Result {
    let group = try await RedisSentinels.start(options: options)
    do {
        let result = try await body(group)
        await group.kill()
        return result
    } catch {
        await group.kill()
        throw error
    }
}

/// Runs a body with a private primary, two replicas and Sentinels, and a client of the primary.
package func withSentinelsAndClient<Result: Sendable>(
    options: RedisSentinels.Options = RedisSentinels.Options(),
    _ body: (RedisSentinels, RedisClient) async throws -> Result
) async throws -> Result {
    try await withSentinels(options: options) { group in
        try await RedisClient.withClient(group.configuration, logger: Logger(label: "test")) { client in
            try await body(group, client)
        }
    }
}
