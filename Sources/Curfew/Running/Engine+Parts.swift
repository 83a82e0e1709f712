/// The parts of an engine, each with what it needs.
extension Engine {
    /// Schedule and leases, for this instance.
    package var coordinator: Coordinator {
        Coordinator(store: store, configuration: configuration, instance: instance)
    }

    /// Which keys are the records of a cleanup.
    func names(of cleanup: Cleanup) -> RecordNames {
        RecordNames(cleanup, among: configuration.cleanups, keys: keys)
    }

    /// This instance, where it scans.
    var claimant: ScanLease.Claimant { ScanLease.Claimant(instance: instance, lease: coordinator.lease) }
}

extension History {
    /// Makes the reader on this engine.
    package init(engine: Engine) {
        self.init(redis: engine.redis)
    }
}

extension KeyspaceScan {
    /// A scan by this engine.
    init(engine: Engine, cleanup: Cleanup, control: RunControl, clock: ServerClock? = nil) {
        self.init(
            store: engine.store, cleanup: cleanup, names: engine.names(of: cleanup), claimant: engine.claimant,
            control: control, clock: clock)
    }
}

extension Indexer {
    /// The indexer of this engine.
    convenience init(engine: Engine) {
        self.init(store: engine.store, cleanups: engine.configuration.cleanups, claimant: engine.claimant)
    }
}

extension Alerts {
    /// The alerts of this engine.
    init(engine: Engine) {
        let configuration = engine.configuration
        self.init(
            store: engine.store, configured: configuration.alerts, cleanups: configuration.cleanups,
            streamLength: configuration.streams.length)
    }
}

extension OverdueWatch {
    /// The watch of this engine.
    init(engine: Engine) {
        self.init(Alerts(engine: engine), heartbeat: engine.coordinator.heartbeat)
    }
}

extension ClockAlert {
    /// The alert of this engine.
    init(engine: Engine) {
        self.init(
            store: engine.store, cleanups: engine.configuration.cleanups,
            streamLength: engine.configuration.streams.length)
    }
}

extension FiringAlert {
    /// What fires now, by the configuration of this engine.
    package static func all(_ engine: Engine) async throws(CurfewError) -> [FiringAlert] {
        try await all(engine.store, alerts: engine.configuration.alerts, cleanups: engine.configuration.cleanups)
    }
}

extension WebhookSender {
    /// The sender of a webhook of this engine.
    convenience init(engine: Engine, webhook: Webhook) {
        self.init(
            webhook, store: engine.store, consumer: engine.instance.id, prefix: engine.configuration.prefix,
            heartbeat: engine.coordinator.heartbeat)
    }
}

extension Status {
    /// Reads it all, by the configuration of this engine.
    package static func read(_ engine: Engine) async throws(CurfewError) -> Status {
        try await read(engine.coordinator)
    }
}

extension Statistics {
    /// Counts; the control says when to stop, and learns how far it is.
    package static func read(
        _ engine: Engine, _ cleanup: Cleanup, control: RunControl
    ) async throws(CurfewError) -> Statistics {
        try await read(engine.store, cleanup, names: engine.names(of: cleanup), control: control)
    }
}

extension Doctor {
    /// The doctor of this engine.
    ///
    /// - Parameter worker: the user whose rights are tried, where the doctor has a user of its own.
    package init(engine: Engine, rightsOf worker: String? = nil) {
        self.init(coordinator: engine.coordinator, worker: worker)
    }
}

extension Sweep {
    /// A sweep by this engine.
    init(
        engine: Engine, cleanup: Cleanup, claim: Claim?, control: RunControl, clock: ServerClock, options: Options,
        scanned: [DueEntry]?
    ) {
        let configuration = engine.configuration
        self.init(
            store: engine.store,
            services: Services(
                journal: engine.journal, coordinator: engine.coordinator, storages: configuration.storage,
                minReplicas: configuration.minReplicas),
            cleanup: cleanup, claim: claim, control: control, clock: clock, options: options, scanned: scanned)
    }
}

extension Undo {
    /// Finds a run that this engine's configuration can undo.
    package static func find(_ run: String, _ engine: Engine) async throws(CurfewError) -> Undo {
        try await find(
            run, engine.store, cleanups: engine.configuration.cleanups, streams: engine.configuration.streams)
    }
}

extension Explanation {
    /// Explains a record by this engine.
    package static func make(
        engine: Engine, cleanup: Cleanup, id: String
    ) async throws(CurfewError) -> Explanation {
        try await make(engine.store, cleanup: cleanup, id: id)
    }
}
