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
/// before it is entered, so that a scan which was cut short goes on where it was, on any instance (see ``ScanLease``).
struct KeyspaceScan: Sendable {
    /// How often the cursor is saved: what was done since then is done again after a crash.
    private static let saveInterval: Duration = .milliseconds(100)

    let engine: Engine
    let cleanup: Cleanup
    let control: RunControl
    /// The clock of the run that the scan belongs to, so that what is entered as due is due for its sweep; nil where it
    /// belongs to none.
    let clock: ServerClock?

    /// A scan for a cleanup as the file has it: the timeout of one run changes no index.
    init(engine: Engine, cleanup: Cleanup, control: RunControl, clock: ServerClock? = nil) {
        self.engine = engine
        self.clock = clock
        self.cleanup = cleanup.withoutOverride
        self.control = control
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
    func runOnce(_ when: ScanLease.When, fence: inout String) async throws -> Outcome {
        guard let interval = cleanup.scan else { return .notDue(for: .seconds(3600)) }
        let lease = ScanLease(engine: engine, cleanup: cleanup, interval: interval)
        switch try await lease.claim(when, fence: fence) {
        case .notDue(let wait): return .notDue(for: wait)
        case .held(let wait, let position):
            show(position)
            return .held(for: wait)
        case .claimed(var position, let clock):
            fence = position.fence
            do {
                return try await walk(&position, lease, self.clock ?? clock)
            } catch {
                if !Sweep.isPassing(error) { await giveBack(position, lease) }
                throw error
            }
        }
    }

    private func walk(
        _ position: inout ScanPosition, _ lease: ScanLease, _ clock: ServerClock
    ) async throws -> Outcome {
        var batch = KeyspaceBatch(engine: engine, cleanup: cleanup)
        let began = ContinuousClock.now
        var saved = began
        while true {
            try control.checkpoint()
            show(position)
            let save = saved.duration(to: .now) >= Self.saveInterval ? lease.saving(position) : nil
            let replies = try await batch.walk(from: position.cursor, after: save)
            if let save, let reply = replies.save {
                saved = .now
                switch try lease.report(try await engine.library.checked(reply, of: save)) {
                case .accepted: break
                case .lost: return .held(for: engine.coordinator.lease)
                case .restarted:
                    position.restart()
                    continue
                }
            }
            position.added += try await batch.enter(replies.ids, at: clock.now)
            position.seen += replies.walked
            position.cursor = replies.next
            guard position.cursor == "0" else { continue }
            switch try await lease.finish(position) {
            case .accepted:
                engine.logger.info(
                    "keyspace scanned",
                    metadata: [
                        "cleanup": "\(cleanup.name)", "added": "\(position.added)",
                        "duration_ms": "\(began.duration(to: .now).milliseconds)",
                    ])
                return .finished
            case .lost: return .held(for: engine.coordinator.lease)
            case .restarted: position.restart()
            }
        }
    }

    /// Says how far it is.
    func show(_ position: ScanPosition) {
        control.advance { progress in
            progress.step = "scan"
            progress.percent = position.percent
        }
    }

    /// Lets another instance go on at once.
    ///
    /// Where that can't be said, the lease runs out instead.
    private func giveBack(_ position: ScanPosition, _ lease: ScanLease) async {
        do {
            try await lease.release(position)
        } catch {
            engine.logger.debug("the lease of a scan runs out", metadata: ["error": "\(error)"])
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
