internal import Foundation
public import Logging
public import Metrics
internal import RedisClient
public import ServiceLifecycle
internal import Synchronization
public import Tracing

/// One instance of Curfew within a program: claims cleanups when they are due, and runs them.
///
/// It is a service for a `ServiceGroup`, with a connection of its own. Run as many replicas of the program as you like:
/// each cleanup runs on exactly one of them at a time, and if one dies, another goes on.
///
/// - At a graceful shutdown it claims nothing more, lets every run finish its page, gives their leases back, and returns
///   from ``run()`` within seconds; a Redis that is silent isn't waited for. Cancellation of its task does the same.
/// - While Redis isn't reachable it waits, and works again when it is: ``run()`` doesn't throw for that.
/// - Two workers in one process are two instances with different names; neither does what the other one does.
/// - The sections `http`, `log` and `otel` of a file are not for it: it serves nothing, and logs, measures and traces to
///   what it is given.
public final class CurfewWorker: Service {
    private let configuration: Configuration
    private let logger: Logger
    private let instruments: Instruments
    private let instance: Instance
    private let hasRun = Mutex(false)
    private let worker: Worker
    private let redis: RedisClient

    /// Creates a worker; it connects when it runs.
    ///
    /// - Parameters:
    ///   - configuration: what to clean up, and where.
    ///   - logger: where the starts and ends of runs are logged.
    ///   - metrics: where metrics of runs go; nil for what the program has bootstrapped.
    ///   - tracer: what makes the spans `curfew.run`, `curfew.page` and `curfew.commit`; nil for what the program has
    ///     bootstrapped. Without a tracer they cost nothing.
    /// - Throws: ``CurfewError/Code/configuration`` with all problems.
    public init(
        _ configuration: CurfewConfiguration, logger: Logger = Logger(label: "curfew"),
        metrics: (any MetricsFactory)? = nil, tracer: (any Tracer)? = nil
    ) throws(CurfewError) {
        self.configuration = try configuration.resolved()
        self.logger = logger
        instruments = .given(metrics: metrics, tracer: tracer)
        instance = .another()
        redis = RedisClient(self.configuration.redis, logger: logger)
        worker = Worker(
            engine: Engine(
                configuration: self.configuration, redis: redis, instance: instance, logger: logger,
                instruments: instruments))
    }

    /// The name of this instance, as others see it: host and process, and a number for any but the first worker of a
    /// process.
    public var name: String { instance.id.forProgram }

    /// Why it can't work now, for a health check; nil if the schedule could be read when it last looked, which an idle worker
    /// does as often as its `heartbeat` says.
    public var trouble: CurfewError? { worker.trouble.map { CurfewError(anyOf: $0).forProgram } }

    /// Works until a graceful shutdown, or until it is cancelled.
    ///
    /// - Throws: ``CurfewError/Code/usage`` if it has been run before: a worker runs once.
    public func run() async throws {
        let isAgain = hasRun.withLock { hasRun in
            defer { hasRun = true }
            return hasRun
        }
        if isAgain {
            throw CurfewError(.usage, "this worker has run before: expected a new one for each run")
        }
        let (worker, redis) = (worker, redis)
        // Not a child of this task, whose cancellation would end commands in the middle of a page.
        let work = Task {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await redis.run() }
                try await worker.run()
                redis.shutdown()
                try await group.waitForAll()
            }
        }
        try await withTaskCancellationOrGracefulShutdownHandler {
            try await work.value
        } onCancelOrGracefulShutdown: {
            worker.stop()
            redis.endWhenSilent(for: CurfewClient.silence)
        }
    }
}
