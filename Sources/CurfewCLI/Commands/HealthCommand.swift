internal import ArgumentParser
internal import AsyncHTTPClient
internal import Curfew
internal import Foundation
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import NIOSSL
internal import Policies
internal import RedisClient

/// `curfew health`: whether the worker of this host is alive.
struct HealthCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "health",
        abstract: "Tells whether the worker of this host or container is alive, for probes.",
        discussion: """
            If the configuration has “http”, the worker itself is asked; otherwise Redis, whether an instance of this \
            host was heard of. Exit codes: 0 healthy · 1 not healthy, or no answer within two seconds · 2 wrong usage or \
            configuration.
            """)

    @Flag(help: "Also require that it can work: that Redis can be reached and accepts its work. Needs “http”.")
    var ready = false

    @OptionGroup var options: GlobalOptions

    /// How long an answer may take.
    private static let patience = Duration.seconds(2)

    /// The answer with `--json`.
    private struct Answer: Encodable {
        var healthy: Bool
        var message: String
    }

    func run() async throws {
        let configuration = try options.configuration()
        let health: Answer
        if let http = configuration.http, http.port != 0 {
            health = await Self.ask(http, ready ? "readyz" : "healthz")
        } else if ready {
            throw ValidationError("--ready asks the worker: expected a section “http” with a port in \(options.path)")
        } else {
            health = await seen(configuration)
        }
        if options.json {
            try Output.json(health)
        } else if health.healthy {
            Output.line(health.message.printable)
        } else {
            Output.note("curfew: \(health.message.printable)\n")
        }
        if !health.healthy { throw ExitCode(Failure.Status.doneWithErrors.rawValue) }
    }

    /// Asks the worker at its own address.
    private static func ask(_ http: HTTPSettings, _ path: String) async -> Answer {
        // A worker that listens on every address listens on loopback too.
        let host = ["0.0.0.0": "127.0.0.1", "::": "::1"][http.host] ?? http.host
        let authority = (host.contains(":") ? "[\(host)]" : host) + ":\(http.port)"
        let address = "\(http.tls == nil ? "http" : "https")://\(authority)/\(path)"
        var settings = HTTPClient.Configuration(certificateVerification: .none)
        settings.redirectConfiguration = .disallow
        // The end of the client waits for an attempt to connect. One that is refused is an answer.
        settings.timeout.connect = TimeAmount(patience)
        settings.connectionPool.retryConnectionEstablishment = false
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: settings)
        var answer: Answer
        do {
            let response = try await client.execute(HTTPClientRequest(url: address), timeout: TimeAmount(patience))
            answer = Answer(
                healthy: response.status == .ok, message: "\(address) answers \(response.status.code)")
        } catch {
            answer = Answer(healthy: false, message: "\(address) doesn't answer: \(reason(error, http))")
        }
        do {
            try await client.shutdown()
        } catch {
            answer.message += "; the connection can't be closed: \(error)"
        }
        return answer
    }

    /// Why the worker doesn't answer, for people.
    private static func reason(_ error: any Error, _ http: HTTPSettings) -> String {
        guard let failure = error as? HTTPClientError else {
            let tls = http.tls == nil ? nil : RedisConfiguration.TLS()
            return ConnectionFailure.reason(error, host: http.host, port: http.port, tls: tls, plain: "http://")
        }
        let isLate = [.deadlineExceeded, .connectTimeout].contains(failure)
        return isLate ? "no answer within \(patience.text)" : failure.shortDescription
    }

    /// Asks Redis whether an instance of this host lives.
    private func seen(_ configuration: Configuration) async -> Answer {
        let host = Instance.current.host
        var redis = configuration.redis
        (redis.connectTimeout, redis.commandDeadline) = (Self.patience, Self.patience)
        let logger = options.logger(.error)
        do {
            let own = try await RedisClient.withClient(redis, logger: logger) { client in
                let engine = Engine(configuration: configuration, redis: client, logger: logger)
                return try await Status.read(engine).instances.filter { $0.isAlive && $0.host == host }
            }
            guard let latest = own.min(by: { $0.seenMsAgo < $1.seenMsAgo }) else {
                return Answer(healthy: false, message: "Redis hasn't heard of a worker on \(host)")
            }
            return Answer(healthy: true, message: "\(latest.id) was heard of \(latest.seenMsAgo) ms ago")
        } catch {
            return Answer(healthy: false, message: "whether a worker lives on \(host) isn't known: \(error)")
        }
    }
}
