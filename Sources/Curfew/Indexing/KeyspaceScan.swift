internal import Logging
internal import Policies
internal import RedisClient

/// Finds records in the keyspace that the index lacks: `SCAN` with the pattern of the key template, a batch at a time.
///
///     SCAN ─► ZMSCORE: which does the index lack? ─► HMGET: what are they? ─► ZADD NX ─► save the cursor
///
/// Where Curfew keeps the index, a record is entered with the deadline that its policy gives it, or as due at once where
/// that takes a closer look; from then on finding it costs the same as with an index of the app's own. Where the app keeps
/// the index, a record in an active state that it lacks is adopted with a fresh deadline: its entry was lost, or is about
/// to be written. `ZADD NX` leaves an entry that is there as it is, and a scan removes none. A record that is through for
/// good isn't entered.
///
/// `SCAN` may show a key twice, and shows every key that was there all the while. A cursor is saved when everything
/// before it is entered, so that a scan which was cut short goes on where it was, on any instance (see ``ScanLease``). The
/// primaries of a cluster are scanned one after the other, each at its own pace (see ``ScanCursors``).
struct KeyspaceScan: Sendable {
    /// How often the cursor is saved: what was done since then is done again after a crash.
    private static let saveInterval: Duration = .milliseconds(100)

    let store: Store
    let cleanup: Cleanup
    let names: RecordNames
    let claimant: ScanLease.Claimant
    let control: RunControl
    /// The clock of the run that the scan belongs to, so that what is entered as due is due for its sweep; nil where it
    /// belongs to none.
    let clock: ServerClock?

    /// A scan for a cleanup as the file has it: the timeout of one run changes no index.
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

    /// What became of a wish to scan.
    enum Outcome: Sendable, Equatable {
        /// It is done.
        case finished
        /// Another scanner has it for so long at least.
        case held(for: Duration)
        /// There is nothing to scan for so long.
        case notDue(for: Duration)
    }

    /// Scans to the end, if it is time and nobody else is at it.
    ///
    /// Stops where the control says so, and then gives the lease back. After an error of the connection it keeps the lease,
    /// whose fence then lets the next call go on.
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
                // What is adopted into the application's index is written in its unit.
                try await IndexCheck(store.redis, cleanup)?.checkScores()
                if store.redis.isCluster, position.cursors.isAtStart {
                    position.keys = try await ScanServer.keys(store.redis)
                }
                return try await walk(&position, lease, self.clock ?? clock)
            } catch {
                if !CommitScope.isPassing(error) { await giveBack(position, lease) }
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
            switch try await lease.finish(position) {
            case .accepted:
                store.logger.info(
                    "keyspace scanned",
                    metadata: [
                        "cleanup": "\(cleanup.name)", "added": "\(position.added)",
                        "duration_ms": "\(began.duration(to: .now).milliseconds)",
                    ])
                return .finished
            case .lost: return .held(for: claimant.lease)
            case .restarted: position.restart()
            }
        }
    }

    /// Walks past the keys of one server to their end, or until it turns out to be another process.
    ///
    /// False where the lease was lost.
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
            // Asked after the cursor has come: one that another process gave is of no use.
            if save != nil || step.next == "0" {
                guard try await server.isSame(store.redis) else { return true }
            }
            position.cursors.moved(to: step.next, at: server)
        } while !position.cursors.isThrough(with: server)
        return true
    }

    /// Says how far it is.
    func show(percent: Int) {
        control.advance { progress in
            progress.step = "scan"
            progress.percent = percent
        }
    }

    /// Lets another instance go on at once.
    ///
    /// Where that can't be said, the lease runs out instead.
    private func giveBack(_ position: ScanPosition, _ lease: ScanLease) async {
        do {
            try await lease.release(position)
        } catch {
            store.logger.debug("the lease of a scan runs out", metadata: ["error": "\(error)"])
        }
    }
}

extension Cleanup {
    /// This cleanup with the timeouts that the file says.
    fileprivate var withoutOverride: Cleanup {
        var cleanup = self
        cleanup.policy.timeoutOverride = nil
        return cleanup
    }
}
