internal import Foundation
internal import RedisClient
internal import TestSupport

/// How an instance reaches Redis: an address and, where one stands in between, the proxy of this instance alone.
struct Entrance: Sendable {
    let url: String
    var proxy: TCPProxy?
}

/// The servers of one case, and what can be done to them.
protocol Fixture: Sendable {
    /// How the matrix itself looks in.
    var client: RedisConfiguration { get }
    /// What the servers have logged.
    var log: String { get }

    /// A way in for one instance.
    func makeEntrance() async throws -> Entrance
    /// Kills the server that takes the writes.
    func crash() async throws
    /// Starts it again, and waits until it serves.
    func revive() async throws
    /// Kills a primary or, where it is only `asked`, tells its replica to take over; waits until that has.
    func failOver(asked: Bool) async throws
    /// Moves the slots of these keys to another node.
    func moveSlots(of keys: [String]) async throws
    /// Cuts every connection of every instance.
    func cutConnections() async throws
    /// Ends all servers.
    func end() async
}

extension Fixture {
    func failOver(asked: Bool) async throws { throw ChildProcessError("there is nothing that could take over") }
    func moveSlots(of keys: [String]) async throws { throw ChildProcessError("there are no slots") }
    func cutConnections() async throws { throw ChildProcessError("the connections have proxies") }
}

extension Topology {
    /// Starts the servers.
    func makeFixture() async throws -> any Fixture {
        switch self {
        case .standalone: return try await StandaloneFixture.start()
        case .sentinel: return try await SentinelFixture.start()
        case .cluster: return try await ClusterFixture.start()
        }
    }
}

/// One server, with a proxy in front of it for each instance.
struct StandaloneFixture: Fixture {
    private let server: RedisServer

    static func start() async throws -> StandaloneFixture {
        StandaloneFixture(server: try await RedisServer.start(arguments: ["--appendonly", "yes"]))
    }

    var client: RedisConfiguration { server.configuration }
    var log: String { server.log }

    func makeEntrance() async throws -> Entrance {
        let proxy = try await TCPProxy.start(to: server.port)
        return Entrance(url: "redis://127.0.0.1:\(proxy.port)/0", proxy: proxy)
    }

    func crash() async { await server.kill() }
    func revive() async throws { try await server.restart() }
    func end() async { await server.kill() }
}
