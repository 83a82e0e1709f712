internal import Logging
internal import Policies
internal import RedisClient
internal import Synchronization

/// Scans the keyspace beside the runs of an instance, for one cleanup at a time.
///
/// It doesn't poll: each answer to a claim says how long there is nothing to do, and until then nothing is asked. A message
/// on the wake channel, sent where a scan was handed over, ends that wait for its cleanup. What fails is tried again after
/// a pause that grows up to about a minute.
///
/// Cleanups that are disabled or only watch are not scanned for: nothing may be written for them.
final class Indexer: Sendable {
    /// After so long a scan gives its lease back, and whoever asks first goes on.
    private static let longestTurn: Duration = .seconds(3_600)
    private static let longestWait: Duration = .seconds(3_600)
    private static let backoff = Backoff(factor: 2, most: .seconds(60))

    /// What is known about the scans for one cleanup.
    private struct Plan {
        /// When to ask next.
        var ask: ContinuousClock.Instant
        /// How often it has failed in a row, and how long to wait after that.
        var retries = Retries(backoff)
        /// The lease that a failure has left in doubt.
        var fence = ""

        /// Whether the last try failed.
        var isFailing: Bool { retries.failures > 0 }
    }

    private struct State {
        var plans: [String: Plan]
        var control: RunControl?
        /// All cleanups are without the same Redis.
        var outage = Outage()
        var isStopping = false
    }

    private let store: Store
    private let all: [Cleanup]
    private let claimant: ScanLease.Claimant
    private let cleanups: [String: Cleanup]
    private let wakeUp = AsyncSignal()
    private let state: Mutex<State>

    /// Makes the indexer of an instance; every cleanup is asked about once at the start.
    ///
    /// - Parameter all: every cleanup of the configuration.
    init(store: Store, cleanups all: [Cleanup], claimant: ScanLease.Claimant) {
        self.store = store
        self.all = all
        self.claimant = claimant
        let scanned = all.filter { $0.scan != nil && $0.isEnabled && !$0.isDryRun }
        cleanups = Dictionary(scanned.map { ($0.name, $0) }) { first, _ in first }
        state = Mutex(State(plans: cleanups.mapValues { _ in Plan(ask: .now) }))
    }

    /// Scans whatever it is time for, until ``stop()``.
    func run() async {
        guard !cleanups.isEmpty else { return }
        while let next = next() {
            if next.wait > .zero {
                await wakeUp.wait(atMost: min(next.wait, Self.longestWait))
            } else if let cleanup = cleanups[next.name] {
                await scan(cleanup)
            }
        }
    }

    /// Ends the scan under way after its batch, and begins no other.
    func stop() {
        let control = state.withLock { state in
            state.isStopping = true
            return state.control
        }
        control?.stop(.handedOver)
        wakeUp.send()
    }

    /// Something has happened to this cleanup: its scan is asked about again, unless there is none.
    ///
    /// After a failure its pause goes on: whoever fails gives the lease back and wakes the others, and instances that all
    /// fail would wake each other without end.
    func wake(_ name: String) {
        let isAsked = state.withLock { state in
            guard let plan = state.plans[name], !plan.isFailing else { return false }
            state.plans[name]?.ask = .now
            return true
        }
        if isAsked { wakeUp.send() }
    }

    /// Which cleanup is next, and how long until then; nil where there is nothing more to do.
    private func next() -> (name: String, wait: Duration)? {
        state.withLock { state in
            guard !state.isStopping, let next = state.plans.min(by: { $0.value.ask < $1.value.ask }) else { return nil }
            return (next.key, ContinuousClock.now.duration(to: next.value.ask))
        }
    }

    private func scan(_ cleanup: Cleanup) async {
        let control = RunControl(trust: nil, timeout: Self.longestTurn)
        let begun = state.withLock { state -> (isStopping: Bool, plan: Plan?) in
            state.control = control
            return (state.isStopping, state.plans[cleanup.name])
        }
        guard !begun.isStopping, var plan = begun.plan else { return }
        do {
            let scan = KeyspaceScan(
                store: store, cleanup: cleanup, names: RecordNames(cleanup, among: all, keys: store.keys),
                claimant: claimant, control: control)
            let outcome = try await scan.runOnce(.due, fence: &plan.fence)
            switch outcome {
            // The next answer tells when the next one is due.
            case .finished: plan = Plan(ask: .now)
            case .notDue(let rest): plan = Plan(ask: .now.advanced(by: rest))
            // Says nothing of whether a scan would do: after failures the next pause is as long as it was to be.
            case .held(let held): plan = Plan(ask: .now.advanced(by: held), retries: plan.retries)
            }
        } catch  where error is RunControl.Stop || error is CancellationError {
            plan = Plan(ask: .now)
        } catch {
            if !CommitScope.isPassing(error) { plan.fence = "" }
            let count = CommitScope.isPassing(error) ? state.withLock { $0.outage.failed(error) } : 1
            if let count {
                store.logger.warning(
                    "a scan of the keyspace failed and will be continued",
                    metadata: ["cleanup": "\(cleanup.name)", "error": "\(error)", "failures": "\(count)"])
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
