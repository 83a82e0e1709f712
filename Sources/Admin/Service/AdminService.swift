package import Curfew
internal import HTTPTypes
internal import Policies

/// What routes and pages read and do, in one place; every instance answers the same, because all state is in Redis.
package struct AdminService: Sendable {
    let source: EngineSource
    /// The worker beside it, if there is one.
    let worker: Worker?
    /// Places for runs and undos, which no viewer can take.
    let doing = Limiter(mostAtOnce, for: "runs and undos")
    let previews = SharedWork<RunResult>(mostAtOnce, noun: "preview")
    let counts = SharedWork<Statistics>(mostAtOnce, noun: "count")
    let pings = Pings()

    /// The most runs and undos that one instance has under way for requests, and of how many cleanups it makes previews or
    /// counts at once.
    static let mostAtOnce = 8

    /// Makes the service on the engine in force.
    package init(source: EngineSource, worker: Worker? = nil) {
        self.source = source
        self.worker = worker
    }

    /// The engine in force.
    package var engine: Engine { source.current }

    /// Schedule, leases, instances and backlog.
    package func status() async throws -> Status {
        try await Status.read(engine)
    }

    /// Every cleanup, as it is now.
    package func cleanups() async throws -> [Status.CleanupStatus] {
        try await status().cleanups
    }

    /// One cleanup, as it is now and as it is configured; throws 404 where there is none.
    package func cleanup(_ name: String) async throws -> CleanupDetail {
        let engine = engine
        guard let found = try await Status.read(engine).cleanups.first(where: { $0.name == name }) else {
            throw AdminError(.notFound, engine.unknown(cleanup: name).message)
        }
        return CleanupDetail(
            cleanup: found, settings: engine.configuration.cleanup(named: name).map(CleanupSettings.init))
    }

    /// The configured cleanup of that name; throws 404 where there is none.
    package func configured(_ name: String) throws -> Cleanup {
        let engine = engine
        guard let cleanup = engine.configuration.cleanup(named: name) else {
            throw AdminError(.notFound, engine.unknown(cleanup: name).message)
        }
        return cleanup
    }

    /// What fires now.
    package func firing() async throws -> [FiringAlert] {
        try await FiringAlert.all(engine)
    }

    /// What a cleanup watches over; of files how many there are, which takes a walk through the keyspace.
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

    /// Throws where Redis doesn't answer in time, a primary hasn't the functions and doesn't take them, or the worker can't
    /// work, as on a replica or without a right that it needs.
    package func check() async throws {
        let library = engine.functions
        // A server that was restarted may have forgotten them.
        if try await !library.isLoaded(deadline: .seconds(2)) { try await library.load() }
        if let trouble = worker?.trouble { throw trouble }
    }
}
