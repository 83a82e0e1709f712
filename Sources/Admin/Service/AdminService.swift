package import Curfew
internal import HTTPTypes
internal import Policies

/// The operations of routes and pages.
///
/// All instances answer alike, because all state is in Redis.
package struct AdminService: Sendable {
    let source: EngineSource
    /// The worker of the same process, if there is one.
    let worker: Worker?
    /// The slots for runs and undos, separate from those of previews.
    let doing = Limiter(mostAtOnce, for: "runs and undos")
    /// The slots for searches of records, which read the whole stream of events.
    let searching = Limiter(4, for: "searches")
    let previews = SharedWork<RunResult>(mostAtOnce, noun: "preview")
    let plans = SharedWork<(result: RunResult, plan: Plan)>(mostAtOnce, noun: "preview")
    let counts = SharedWork<Statistics>(mostAtOnce, noun: "count")
    let pings = Pings()
    let background = BackgroundGroups()
    let lastRuns = LastRuns()
    /// What this process measures.
    let registry: Registry

    /// The most concurrent runs and undos of requests on one instance, and of how many cleanups it previews or counts
    /// records at once.
    static let mostAtOnce = 8

    /// Creates the service on the current engine.
    package init(source: EngineSource, worker: Worker? = nil) {
        self.init(source: source, worker: worker, registry: Registry())
    }

    /// Creates the service with the registry of another one of this process.
    init(source: EngineSource, worker: Worker?, registry: Registry) {
        (self.source, self.worker, self.registry) = (source, worker, registry)
    }

    /// The current engine.
    package var engine: Engine { source.current }

    /// The schedule, leases, instances and backlog, and everything that a person should look at.
    package func status() async throws -> Status {
        try await Status.read(engine, lastRuns)
    }

    /// The current state of every cleanup.
    package func cleanups() async throws -> [Status.CleanupStatus] {
        try await status().cleanups
    }

    /// The state and configuration of one cleanup; throws 404 if there is none.
    package func cleanup(_ name: String) async throws -> CleanupDetail {
        let engine = engine
        guard let found = try await Status.read(engine, lastRuns, only: name).cleanups.first else {
            throw AdminError(.notFound, engine.unknown(cleanup: name).message)
        }
        return CleanupDetail(
            cleanup: found, settings: engine.configuration.cleanup(named: name).map(CleanupSettings.init))
    }

    /// The configured cleanup of that name; throws 404 if there is none.
    package func configured(_ name: String) throws -> Cleanup {
        let engine = engine
        guard let cleanup = engine.configuration.cleanup(named: name) else {
            throw AdminError(.notFound, engine.unknown(cleanup: name).message)
        }
        return cleanup
    }

    /// The firing alerts.
    package func firing() async throws -> [FiringAlert] {
        try await FiringAlert.all(engine)
    }

    /// The statistics of a cleanup; for files, counting them takes a scan of the keyspace.
    package func stats(_ name: String) async throws -> Statistics {
        let cleanup = try configured(name)
        let engine = engine
        return try await counts.value(of: name, engine.configuration.fingerprint) {
            let control = RunControl(trust: nil, timeout: cleanup.runTimeout)
            return try await withTaskCancellationHandler {
                try await Statistics.read(engine, cleanup, control: control)
            } onCancel: {
                control.stop(.cancelled(by: "its caller"))
            }
        }
    }

    /// Throws if Redis doesn't answer in time, if a primary lacks the functions and refuses to load them, or if the
    /// worker can't work, for example on a replica or without a permission.
    package func check() async throws {
        let library = engine.functions
        // A server that was restarted may have lost the functions.
        if try await !library.isLoaded(deadline: .seconds(2)) { try await library.load() }
        if let trouble = worker?.trouble { throw trouble }
    }
}
