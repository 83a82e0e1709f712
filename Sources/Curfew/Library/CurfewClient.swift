internal import Foundation
public import Logging
public import Metrics
internal import RedisClient
public import Tracing

/// Runs cleanups, looks at them, and follows what Curfew publishes, from within a program.
///
/// A client has a connection to Redis from its creation to ``close()``; ``withClient(_:logger:person:metrics:tracer:_:)``
/// does both. Any number of tasks may use it at the same time. It needs no worker: a run that it makes claims the
/// cleanup's lease, so that it excludes every other run, wherever that is.
///
/// After ``close()`` every call throws ``CurfewError/Code/closed``. A call that needs Redis while it isn't reachable
/// throws ``CurfewError/Code/unreachable``: at once where the connection is refused, after some seconds where nothing
/// answers. A later call works when Redis is back. A call whose task is cancelled throws
/// ``CurfewError/Code/cancelled``, except for runs: see ``run(_:_:)``.
public final class CurfewClient: Sendable {
    let engine: Engine
    let person: String
    let work = ClientWork()
    let lastRuns = LastRuns()
    private let connection: Task<Void, any Error>

    /// Creates a client and begins to connect.
    ///
    /// - Parameters:
    ///   - configuration: what to clean up, and where.
    ///   - logger: where runs are logged.
    ///   - person: who is recorded with what the client does; nil for the program's name and its host.
    ///   - metrics: where metrics of runs go; nil for what the program has bootstrapped.
    ///   - tracer: what makes the spans `curfew.run`, `curfew.page` and `curfew.commit`; nil for what the program has
    ///     bootstrapped. Without a tracer they cost nothing.
    /// - Throws: ``CurfewError/Code/configuration`` with all problems.
    public init(
        _ configuration: CurfewConfiguration, logger: Logger = Logger(label: "curfew"), person: String? = nil,
        metrics: (any MetricsFactory)? = nil, tracer: (any Tracer)? = nil
    ) throws(CurfewError) {
        let configuration = try configuration.resolved()
        let redis = RedisClient(configuration.redis, logger: logger)
        engine = Engine(
            configuration: configuration, redis: redis, logger: logger,
            instruments: .given(metrics: metrics, tracer: tracer))
        self.person = person?.fromProgram ?? Self.program
        // Ends with close(), or when nobody has the client any more.
        connection = Task { try await redis.run() }
    }

    deinit {
        engine.redis.shutdown()
    }

    /// Creates a client for a body, and closes it afterwards.
    ///
    /// - Parameters:
    ///   - configuration: what to clean up, and where.
    ///   - logger: where runs are logged.
    ///   - person: who is recorded with what the client does; nil for the program's name and its host.
    ///   - metrics: where metrics of runs go; nil for what the program has bootstrapped.
    ///   - tracer: what makes spans; nil for what the program has bootstrapped.
    ///   - body: what uses the client.
    /// - Returns: what the body returns.
    /// - Throws: ``CurfewError/Code/configuration`` with all problems, or what the body throws.
    public static func withClient<Value>(
        _ configuration: CurfewConfiguration, logger: Logger = Logger(label: "curfew"), person: String? = nil,
        metrics: (any MetricsFactory)? = nil, tracer: (any Tracer)? = nil,
        _ body: (CurfewClient) async throws -> Value
    ) async throws -> Value {
        let client = try CurfewClient(
            configuration, logger: logger, person: person, metrics: metrics, tracer: tracer)
        do {
            let value = try await body(client)
            await client.close()
            return value
        } catch {
            await client.close()
            throw error
        }
    }

    /// Ends the client.
    ///
    /// From now on every call throws. Runs that it has begun are asked to stop after their current page and give their
    /// leases back; this returns when they have, and the connection is closed. If Redis doesn't answer, it isn't waited
    /// for: the leases then expire by themselves. A second call waits for the same.
    public func close() async {
        let runs = work.close()
        for run in runs { run.stop(.cancelled(by: "the end of its client")) }
        if !runs.isEmpty { engine.redis.endWhenSilent(for: Self.silence) }
        for run in runs { await run.wait() }
        engine.redis.shutdown()
        do {
            try await connection.value
        } catch {
            engine.logger.debug("the connection ended with an error", metadata: ["error": "\(error)"])
        }
    }

    /// How long Redis may be silent at the end.
    static let silence = Duration.milliseconds(500)

    /// The names of the cleanups, in the order of the configuration.
    public var cleanups: [String] { engine.configuration.cleanups.map(\.name.forProgram) }

    var control: Control { Control(engine: engine, person: person) }

    /// The program's name and its host.
    private static var program: String {
        let name = CommandLine.arguments.first.map { URL(fileURLWithPath: $0).lastPathComponent } ?? "a program"
        return "\(name)@\(Instance.current.host)".fromProgram
    }

    /// Runs a body of a call: throws if the client is closed, and maps errors.
    func call<Value>(_ body: () async throws -> Value) async throws(CurfewError) -> Value {
        try work.check()
        do {
            return try await body()
        } catch {
            throw mapped(error)
        }
    }

    /// The error of a call.
    func mapped(_ error: any Error) -> CurfewError {
        if CurfewError.redis(behind: error)?.code == .shuttingDown { return ClientWork.closed }
        return CurfewError(anyOf: error).forProgram
    }

    /// Throws where a reason for people is empty, or longer than it may be over HTTP.
    func check(reason: String, for what: String) throws(CurfewError) {
        guard !reason.allSatisfy(\.isWhitespace) else {
            throw CurfewError(.usage, "the reason for \(what) is empty: expected a text")
        }
        let length = reason.unicodeScalars.count
        guard length <= 500 else {
            throw CurfewError(.usage, "the reason for \(what) has \(length) characters: expected at most 500")
        }
    }

    /// The cleanup of that name; throws first where the client was closed.
    func named(_ cleanup: String) throws(CurfewError) -> Cleanup {
        try work.check()
        do {
            return try engine.cleanup(named: cleanup.fromProgram)
        } catch {
            throw mapped(error)
        }
    }
}

extension CurfewError {
    /// Whatever was thrown, as an error of this type.
    init(anyOf error: any Error) {
        if CurfewError.redis(behind: error)?.code == .cancelled || error is CancellationError {
            self.init(.cancelled, "cancelled before it was done")
        } else if let known = CurfewError(thrown: error) {
            self = known
        } else if let refused = error as? ConfigurationError {
            self.init(refused)
        } else if let refusal = error as? ClaimRefusal {
            self.init(refusal.isPause ? .paused : .held, refusal.description)
        } else {
            self.init(.server, "\(error)")
        }
    }
}

extension ClaimRefusal {
    /// Whether the cleanup is paused.
    fileprivate var isPause: Bool { if case .paused = self { true } else { false } }
}
