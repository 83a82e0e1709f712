import Curfew
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import NIOCore
import Policies
import RedisClient
import TestSupport
import Testing

@testable import Admin

/// A private Redis, an engine on it, and the HTTP side of that engine.
struct AdminScene: Sendable {
    static let admin = "admin-token-0123456789"
    static let viewer = "viewer-token-0123456789"
    static let cron = "cron-secret-0123456789"

    static let tokens = """
        http:
          listen: 127.0.0.1:0
          admin-token: \(admin)
          viewer-token: \(viewer)
          cron-secret: \(cron)
        """

    /// Cleanups of the kinds that existing callers ask for.
    static let cleanups = """
        cleanups:
          stuck-jobs: {policy: stuck, every: 1h, records: "job:<id>", index: jobs, states: [RUNNING], since: [at], timeout: 5m, to: FAILED, refund: {amount: cost, balance: "user:<user>:tokens", ledger: "user:<user>:refunds"}}
          old-jobs: {policy: retention, every: 1h, records: "job:<id>", index: old, states: [FAILED], since: [at], keep: 1d}
          old-downloads: {policy: retention, every: 1h, records: "download:<id>", index: downloads, since: [at], keep: 1d}
          stuck-plans: {policy: dependent, every: 1h, records: "plan:<id>", index: plans, states: [PENDING], since: [at], grace: 5m, parent: "job:<job>", parent-states: [RUNNING], to: DRAFT}
        """

    let server: RedisServer
    let redis: RedisClient
    let engine: Engine
    let source: EngineSource

    /// One answer.
    struct Answer {
        let status: Int
        let headers: HTTPFields
        let text: String

        /// The body as JSON.
        var json: [String: Any] {
            get throws {
                try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any], "\(text)")
            }
        }

        var message: String { get throws { try #require(try json["message"] as? String) } }
    }

    /// The application of that engine, not listening yet.
    func application(
        limits: SlowClients.Limits = SlowClients.Limits(), idle: TimeAmount = AdminServer.idleTimeout
    ) throws -> some ApplicationProtocol {
        try AdminServer(
            source: source, logger: engine.logger, limits: limits, idleTimeout: idle, onListening: { _ in }
        ).application()
    }

    @discardableResult
    func send(_ words: String...) async throws -> RedisValue {
        try await redis.send(RedisCommand(words[0], Array(words.dropFirst())))
    }

    /// A job that has been stuck for ten minutes and cost 9 tokens.
    func stick(_ id: String) async throws {
        let since = String(try await engine.serverClock().now.milliseconds - 600_000)
        try await send("HSET", "job:\(id)", "status", "RUNNING", "at", since, "cost", "9", "user", "u")
        try await send("ZADD", "jobs", since, id)
    }

    /// The entries of the events stream, each as names and values.
    func deeds() async throws -> [String] {
        try await History(engine: engine).last(100, of: engine.keys.events).reversed()
            .filter { $0["record"] == "" }.map { ($0["reason"] ?? "").readable }
    }
}

/// Runs a body on a scene of its own.
func withAdmin(
    _ http: String = AdminScene.tokens, cleanups: String = AdminScene.cleanups, instance: String = "test-1",
    policies: KnownPolicies = .builtIn, _ body: (AdminScene) async throws -> Void
) async throws {
    try await withServerAndClient(.unixSocket) { server, redis in
        let text = unhurried("redis: \(server.url)\n\(http)\n\(cleanups)\n")
        let configuration = try Configuration.parse(
            text, file: "test.yaml", environment: [:], policies: policies)
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let engine = Engine(
            configuration: configuration, redis: redis, instance: Instance(id: instance), logger: logger)
        try await body(
            AdminScene(server: server, redis: redis, engine: engine, source: EngineSource(engine)))
    }
}

/// At which depth a test drives the routes: straight into the router, or over a socket.
enum Depth: CaseIterable, Sendable, CustomTestStringConvertible {
    case router, live

    var setup: TestingSetup { self == .router ? .router : .live }
    var testDescription: String { self == .router ? "at the router" : "over a socket" }
}

extension TestClientProtocol {
    /// Sends a request, with a token where one is given.
    func ask(
        _ method: HTTPRequest.Method, _ uri: String, token: String? = AdminScene.admin, _ body: String? = nil,
        headers: HTTPFields = [:]
    ) async throws -> AdminScene.Answer {
        var headers = headers
        if let token { headers[.authorization] = "Bearer \(token)" }
        return try await execute(
            uri: uri, method: method, headers: headers, body: body.map { ByteBuffer(string: $0) }
        ) { response in
            AdminScene.Answer(
                status: response.status.code, headers: response.headers, text: String(buffer: response.body))
        }
    }
}
