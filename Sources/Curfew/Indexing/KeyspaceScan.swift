internal import Logging
internal import Policies
internal import RedisClient

/// Finds records in the keyspace that the index lacks: `SCAN` with the pattern of the key template, a batch at a time.
///
///     SCAN ─► ZMSCORE: which does the index lack? ─► HMGET: what are they? ─► ZADD NX ─► save the cursor
///
/// If Curfew keeps the index, a record is entered with the deadline from its policy, or as due at once if that needs
/// further reads. From then on, finding it costs the same as with an index of the application. If the application keeps
/// the index, a missing record in an active state is adopted with a new deadline: its entry was lost, or is about to be
/// written. `ZADD NX` leaves existing entries unchanged, and a scan removes none. A record in a final state isn't
/// entered.
///
/// `SCAN` may return a key twice, and returns every key that existed all the time. The cursor is saved after everything
/// before it is entered, so an interrupted scan can be continued on any instance (see ``ScanLease``). The primaries of
/// a cluster are scanned one after the other, each at its own pace (see ``ScanCursors``).
struct KeyspaceScan: Sendable {
    /// How often the cursor is saved; what was done after the last save is repeated after a crash.
    private static let saveInterval: Duration = .milliseconds(100)

    let store: Store
    let cleanup: Cleanup
    let names: RecordNames
    let claimant: ScanLease.Claimant
    let control: RunControl
    /// The clock of the run that the scan belongs to, so that records entered as due are due for its sweep; nil without
    /// a run.
    let clock: ServerClock?

    /// Creates a scan for a cleanup as configured: the timeout of a single run doesn't affect an index.
    init(
        store: Store, cleanup: Cleanup, names: RecordNames, claimant: ScanLease.Claimant, control: RunControl,
        clock: ServerClock? = nil
    ) {
        self.store = store
        self.cleanup = cleanup.withoutOverride
        self.names = names
        self.claimant = claimant
        self.control = control
        self.clock = clock
    }

    /// The result of a scan.
    enum Outcome: Sendable, Equatable {
        /// It is complete.
        case finished
        /// Another scanner has it for at least this time.
        case held(for: Duration)
        /// There is nothing to scan for this time.
        case notDue(for: Duration)
    }

    /// Scans to the end, if a scan is due and no other instance is scanning.
    ///
    /// It stops if the control says so, and then releases the lease. After a connection error it keeps the lease, whose
    /// fence lets the next call continue.
    func runOnce(_ when: ScanClaimCall.When, fence: inout String) async throws -> Outcome {
        guard let interval = cleanup.scan else { return .notDue(for: .seconds(3600)) }
        let lease = ScanLease(store: store, cleanup: cleanup, claimant: claimant, interval: interval)
        switch try await lease.claim(when, fence: fence) {
        case .notDue(let wait): return .notDue(for: wait)
        case .held(let wait, let position):
            show(percent: position.percent)
            return .held(for: wait)
        case .claimed(var position, let clock):
            fence = position.fence
            do {
                // Entries for the application's index are written in its unit.
                try await IndexCheck(store.redis, cleanup)?.checkScores()
                if store.redis.isCluster, position.cursors.isAtStart {
                    position.keys = try await ScanServer.keys(store.redis)
                }
                return try await walk(&position, lease, self.clock ?? clock)
            } catch {
                if !CommitScope.isPassing(error) { await release(position, lease) }
                throw error
            }
        }
    }

    private func walk(
        _ position: inout ScanPosition, _ lease: ScanLease, _ clock: ServerClock
    ) async throws -> Outcome {
        let began = ContinuousClock.now
        while true {
            let servers = try await ScanServer.all(store.redis)
            position.cursors.keep(servers)
            if let server = servers.first(where: { !position.cursors.isThrough(with: $0) }) {
                guard try await walk(server, &position, lease, clock) else {
                    return .held(for: claimant.lease)
                }
                continue
            }
            try await KeyspaceBatch(store: store, cleanup: cleanup, names: names).forgetRegistries(at: clock.now)
            switch try await lease.finish(position) {
            case .accepted:
                store.logger.info(
                    "keyspace scanned",
                    metadata: [
                        "cleanup": "\(cleanup.name)", "added": .stringConvertible(position.added),
                        "duration_ms": .stringConvertible(began.duration(to: .now).milliseconds),
                    ])
                return .finished
            case .lost: return .held(for: claimant.lease)
            case .restarted: position.restart()
            }
        }
    }

    /// Walks over the keys of one server to their end, or until the server turns out to be another process.
    ///
    /// Returns false if the lease was lost.
    private func walk(
        _ server: ScanServer, _ position: inout ScanPosition, _ lease: ScanLease, _ clock: ServerClock
    ) async throws -> Bool {
        var batch = KeyspaceBatch(store: store, cleanup: cleanup, names: names)
        var saved = ContinuousClock.now
        repeat {
            try control.checkpoint()
            show(percent: position.percent)
            let save = saved.duration(to: .now) >= Self.saveInterval ? lease.saving(position) : nil
            let step = try await batch.walk(
                server.node, from: position.cursors[server], after: save.map { store.functions.outgoing($0.command) })
            if let save, let reply = step.save {
                saved = .now
                switch try save.answer(try await store.functions.checked(reply, of: save.command)) {
                case .accepted: break
                case .lost: return false
                case .restarted:
                    position.restart()
                    return true
                }
            }
            position.added += try await batch.enter(step.ids, at: clock.now)
            position.seen += step.walked
            // Checked after the cursor was received: a cursor of another process is useless.
            if save != nil || step.next == "0" {
                guard try await server.isSame(store.redis) else { return true }
            }
            position.cursors.moved(to: step.next, at: server)
        } while !position.cursors.isThrough(with: server)
        return true
    }

    /// Reports the progress.
    func show(percent: Int) {
        control.advance { progress in
            progress.step = "scan"
            progress.percent = percent
        }
    }

    /// Releases the lease, so that another instance can continue at once.
    ///
    /// If that fails, the lease expires.
    private func release(_ position: ScanPosition, _ lease: ScanLease) async {
        do {
            try await lease.release(position)
        } catch {
            store.logger.debug("the lease of a scan was not released and will expire", metadata: ["error": "\(error)"])
        }
    }
}

extension Cleanup {
    /// This cleanup with its configured timeouts.
    fileprivate var withoutOverride: Cleanup {
        var cleanup = self
        cleanup.policy.timeoutOverride = nil
        return cleanup
    }
}
