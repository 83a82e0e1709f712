/// Creates the parts, each with what it needs.
extension Engine {
    /// The schedule and leases of this instance.
    package var coordinator: Coordinator {
        Coordinator(store: store, configuration: configuration, instance: instance, ends: ends)
    }

    /// Which keys are the records of a cleanup.
    func names(of cleanup: Cleanup) -> RecordNames {
        RecordNames(cleanup, among: configuration.cleanups, keys: keys)
    }

    /// This instance, as the holder of a scan.
    var claimant: ScanLease.Claimant { ScanLease.Claimant(instance: instance, lease: coordinator.lease) }
}

extension History {
    /// Creates the reader of this engine.
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
    /// The alerts that are firing now.
    package static func all(_ engine: Engine) async throws(CurfewError) -> [FiringAlert] {
        try await all(engine.store, alerts: engine.configuration.alerts, cleanups: engine.configuration.cleanups)
    }
}

extension NoticeBacklog {
    /// The backlog of each receiver of this engine.
    package static func all(_ engine: Engine) async throws(CurfewError) -> [NoticeBacklog] {
        try await read(engine.store, of: engine.configuration.receivers)
    }
}

extension NoticeSender {
    /// The sender of a receiver of this engine.
    convenience init(engine: Engine, receiver: NoticeReceiver) {
        self.init(
            receiver, store: engine.store, consumer: engine.instance.id, prefix: engine.configuration.prefix,
            heartbeat: engine.coordinator.heartbeat)
    }
}

extension Status {
    /// Reads the status of everything in this engine's configuration.
    package static func read(_ engine: Engine) async throws(CurfewError) -> Status {
        try await read(engine.coordinator)
    }

    /// The same with last runs, firing alerts, undelivered messages, and everything that a person should look at.
    package static func read(_ engine: Engine, _ lastRuns: LastRuns) async throws(CurfewError) -> Status {
        try await read(engine.coordinator, lastRuns)
    }

    /// One cleanup with its last run; the list is empty if there is no such cleanup.
    package static func read(
        _ engine: Engine, _ lastRuns: LastRuns, only name: String
    ) async throws(CurfewError) -> Status {
        try await read(engine.coordinator, lastRuns, only: name)
    }
}

extension Statistics {
    /// Counts the records; the control can stop it and receives its progress.
    package static func read(
        _ engine: Engine, _ cleanup: Cleanup, control: RunControl
    ) async throws(CurfewError) -> Statistics {
        try await read(engine.store, cleanup, names: engine.names(of: cleanup), control: control)
    }
}

extension Doctor {
    /// The doctor of this engine.
    ///
    /// - Parameter worker: the user whose permissions are checked, if doctor has a user of its own.
    package init(engine: Engine, rightsOf worker: String? = nil) {
        self.init(coordinator: engine.coordinator, worker: worker)
    }
}

extension Sweep {
    /// A sweep by this engine.
    ///
    /// - Parameters:
    ///   - scanned: entries to be looked at in place of an index.
    ///   - found: what a scan of the keyspace has found in place of them: records, or registries.
    init(
        engine: Engine, cleanup: Cleanup, claim: Claim?, control: RunControl, clock: ServerClock, options: Options,
        scanned: [DueEntry]? = nil, found: [DueEntry]? = nil
    ) {
        let isRegistry = cleanup.source?.isRegistry == true
        let configuration = engine.configuration
        self.init(
            store: engine.store,
            services: Services(
                journal: engine.journal, coordinator: engine.coordinator, storages: configuration.storage,
                minReplicas: configuration.minReplicas, instruments: engine.instruments),
            cleanup: cleanup, claim: claim, control: control, clock: clock, options: options,
            scanned: isRegistry ? scanned : scanned ?? found, registries: isRegistry ? found?.map(\.id) : nil)
    }
}

extension Undo {
    /// Finds a run that this engine's configuration can undo, or the changes of one record by a run.
    package static func find(
        _ run: String, record: String? = nil, _ engine: Engine
    ) async throws(CurfewError) -> Undo {
        try await find(
            run, record: record, engine.store, cleanups: engine.configuration.cleanups,
            streams: engine.configuration.streams)
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
