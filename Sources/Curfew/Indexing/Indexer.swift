internal import Logging
internal import Policies
internal import RedisClient
internal import Synchronization

/// Scans the keyspace in parallel to the runs of an instance, for one cleanup at a time.
///
/// It doesn't poll: each answer to a claim says how long there is nothing to do. A message on the wake channel, sent
/// when a scan is handed over, ends that wait for its cleanup. A failed scan is retried after a delay that grows to
/// about a minute.
///
/// In a large fleet a few instances ask for each cleanup, others for each: lots are drawn, which needs no agreement and
/// costs Redis nothing. Those that don't ask draw again after every interval, and when so many instances have gone that
/// all that ask may be among them; after many intervals they ask all the same.
///
/// Disabled and dry-run cleanups aren't scanned: nothing may be written for them.
final class Indexer: Sendable {
    /// After this time a scan releases its lease, and the first instance that asks continues.
    private static let longestTurn: Duration = .seconds(3_600)
    private static let longestWait: Duration = .seconds(3_600)
    /// How many times in a row an instance leaves it to others to ask.
    private static let mostPasses = 32
    private static let backoff = Backoff(factor: 2, most: .seconds(60))

    /// The state of the scans for one cleanup.
    private struct Plan {
        /// When to ask next.
        var ask: ContinuousClock.Instant
        /// The number of consecutive failures and the delay after them.
        var retries = Retries(backoff)
        /// The fence of a lease whose state is unknown after a failure.
        var fence = ""
        /// How many times in a row others were left to ask, and the number of the next draw.
        var passes = 0

        /// Whether the last attempt failed.
        var isFailing: Bool { retries.failures > 0 }
    }

    private struct State {
        var plans: [String: Plan]
        var control: RunControl?
        /// The order of the fleet.
        var order: LookOrder
        /// The largest size of the fleet since lots were drawn last.
        var largest = 1
        /// All cleanups share one Redis, so they share one outage.
        var outage = Outage()
        var isStopping = false
    }

    private let store: Store
    private let all: [Cleanup]
    private let claimant: ScanLease.Claimant
    private let cleanups: [String: Cleanup]
    private let wakeUp = AsyncSignal()
    private let state: Mutex<State>

    /// Creates the indexer of an instance; at the start it asks once for each cleanup.
    ///
    /// - Parameters:
    ///   - all: every cleanup of the configuration.
    ///   - mates: how many living instances are known to have the same configuration, this one included.
    init(store: Store, cleanups all: [Cleanup], claimant: ScanLease.Claimant, mates: Int = 1) {
        self.store = store
        self.all = all
        self.claimant = claimant
        let scanned = all.filter { $0.scan != nil && $0.isEnabled && !$0.isDryRun }
        cleanups = Dictionary(scanned.map { ($0.name, $0) }) { first, _ in first }
        let order = LookOrder(instance: claimant.instance.id, mates: mates)
        state = Mutex(State(plans: cleanups.mapValues { _ in Plan(ask: .now) }, order: order))
    }

    /// Runs due scans until ``stop()``.
    func run() async {
        guard !cleanups.isEmpty else { return }
        while let next = next() {
            if next.wait > .zero {
                await wakeUp.wait(atMost: min(next.wait, Self.longestWait))
            } else if let cleanup = cleanups[next.name], !passes(cleanup) {
                await scan(cleanup)
            }
        }
    }

    /// Ends the current scan after its batch and starts no other.
    func stop() {
        let control = state.withLock { state in
            state.isStopping = true
            return state.control
        }
        control?.stop(.handedOver)
        wakeUp.send()
    }

    /// So many living instances have the same configuration, this one included.
    func count(_ mates: Int) {
        state.withLock { state in
            state.order.mates = mates
            state.largest = max(state.largest, mates)
            guard mates <= state.largest - LookOrder.fewest / 2 || mates <= state.largest / 2, state.largest > 1
            else { return }
            state.largest = mates
            for (name, plan) in state.plans where plan.passes > 0 { state.plans[name]?.ask = .now }
            wakeUp.send()
        }
    }

    /// The state of a cleanup has changed: asks for its scan again, unless there is none.
    ///
    /// After a failure its delay continues: a failing instance releases the lease and wakes the others, so failing
    /// instances would wake each other endlessly.
    func wake(_ name: String) {
        let isAsked = state.withLock { state in
            guard let plan = state.plans[name], !plan.isFailing else { return false }
            state.plans[name]?.ask = .now
            return true
        }
        if isAsked { wakeUp.send() }
    }

    /// The next cleanup and the wait until then; nil if there is nothing more to do.
    private func next() -> (name: String, wait: Duration)? {
        state.withLock { state in
            guard !state.isStopping, let next = state.plans.min(by: { $0.value.ask < $1.value.ask }) else { return nil }
            return (next.key, ContinuousClock.now.duration(to: next.value.ask))
        }
    }

    /// Whether this instance leaves it to others to ask, for the time being.
    func leaves(_ name: String) -> Bool { state.withLock { $0.plans[name].map { $0.passes > 0 } ?? false } }

    /// Whether it is for others to ask now; then this instance's next turn may come after an interval.
    private func passes(_ cleanup: Cleanup) -> Bool {
        state.withLock { state in
            guard let plan = state.plans[cleanup.name], plan.fence.isEmpty, plan.passes < Self.mostPasses,
                let interval = cleanup.scan,
                !state.order.isAmong(LookOrder.fewest, for: cleanup.name, draw: plan.passes)
            else { return false }
            state.plans[cleanup.name]?.passes += 1
            state.plans[cleanup.name]?.ask = .now.advanced(by: min(interval, Self.longestWait))
            return true
        }
    }

    private func scan(_ cleanup: Cleanup) async {
        let control = RunControl(trust: nil, timeout: Self.longestTurn)
        let started = state.withLock { state -> (isStopping: Bool, plan: Plan?) in
            state.control = control
            return (state.isStopping, state.plans[cleanup.name])
        }
        guard !started.isStopping, var plan = started.plan else { return }
        do {
            let scan = KeyspaceScan(
                store: store, cleanup: cleanup, names: RecordNames(cleanup, among: all, keys: store.keys),
                claimant: claimant, control: control)
            let outcome = try await scan.runOnce(.due, fence: &plan.fence)
            switch outcome {
            // The next answer says when the next scan is due.
            case .finished: plan = Plan(ask: .now)
            case .notDue(let rest): plan = Plan(ask: .now.advanced(by: rest))
            // It doesn't show that a scan would succeed: after failures the delays keep growing.
            case .held(let held): plan = Plan(ask: .now.advanced(by: held), retries: plan.retries)
            }
        } catch  where error is RunControl.Stop || error is CancellationError {
            plan = Plan(ask: .now)
        } catch {
            if !CommitScope.isPassing(error) { plan.fence = "" }
            let count = CommitScope.isPassing(error) ? state.withLock { $0.outage.failed(error) } : 1
            if let count {
                store.logger.warning(
                    "a scan of the keyspace failed and will be resumed",
                    metadata: [
                        "cleanup": "\(cleanup.name)", "error": "\(error)", "failures": .stringConvertible(count),
                    ])
            }
            plan.ask = .now.advanced(by: plan.retries.failed())
        }
        let done = plan
        state.withLock { state in
            state.control = nil
            state.plans[cleanup.name] = done
        }
    }
}
