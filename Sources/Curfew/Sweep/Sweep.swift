internal import Logging
internal import Policies
internal import RedisClient

/// One pass over what is due: read, decide, commit, count.
///
///     to Redis   commit n · read n+2                    │ commit n+1 · read n+3
///     here       count n−1 · decide, encode n+1 · …     │ count n · decide, encode n+2 · …
///
/// Redis answers a connection when it has done all that it has read from it, so what is read along with a commit comes
/// back with the commit's answer. Records are therefore read two pages ahead: while Redis commits page n, the records
/// of page n+1 are here already to be decided and encoded. Where the policy asks for more, its questions are answered
/// between two commits, and the page is encoded when they are, some steps later. There are two commits in flight, so
/// that Redis has the next one at hand when it is done with one; with a single one it rested a tenth of the time. The
/// call behind them is left with the client, which sends it the moment the first is answered. There are never more than
/// two: more would only make others wait (see ``PageSize``). All of it runs on the thread that the replies come in on.
/// A watching sweep is the same with the commits left out.
///
/// What may go wrong, and what then: a lost connection is waited for while the lease is trusted, and the page is read
/// again, because nobody can say which part of it was committed (see `Sweep+Recovery.swift`). Any other error ends the
/// sweep; what is not done stays in the index.
struct Sweep: Sendable {
    let store: Store
    let services: Services
    let cleanup: Cleanup
    /// The right to write; nil only watches.
    let claim: Claim?
    let control: RunControl
    let clock: ServerClock
    let options: Options
    /// Entries to be looked at in place of an index, where a preview found records by itself.
    let scanned: [DueEntry]?
    /// Registries to be walked in place of those that are known, where a preview found some by itself.
    let registries: [String]?
    /// What reads records and decides over them: made once, because what is asked for is the same for every page.
    let judge: Evaluator

    init(
        store: Store, services: Services, cleanup: Cleanup, claim: Claim?, control: RunControl, clock: ServerClock,
        options: Options, scanned: [DueEntry]?, registries: [String]? = nil
    ) {
        (self.store, self.services, self.cleanup, self.claim) = (store, services, cleanup, claim)
        (self.control, self.clock, self.options) = (control, clock, options)
        (self.scanned, self.registries) = (scanned, registries)
        var judge = Evaluator(reader: RecordReader(redis: store.redis, cleanup: cleanup, keys: store.keys))
        judge.waiting = {
            control.advance { _ in }
            // Nothing of the page is written yet: a run that is to stop needn't wait for its verdicts.
            try control.checkpoint()
        }
        self.judge = judge
    }

    /// What a sweep uses beside Redis.
    struct Services: Sendable {
        /// Where its events go.
        let journal: Journal
        /// Its lease, for what is written beside the commits.
        let coordinator: Coordinator
        /// The buckets that there are.
        let storages: [StorageConfiguration]
        /// How many replicas must know of a claim before its object goes, unless the cleanup says otherwise.
        let minReplicas: Int
        /// Who watches the pages.
        let instruments: Instruments

        /// The bucket of that name in the configuration.
        ///
        /// Requests are signed with the server's time: storage refuses a clock that is a quarter of an hour off, and an
        /// instance with such a clock would keep a cleanup from all others.
        func storage(named name: String, clock: ServerClock) throws(CurfewError) -> ObjectStorage {
            guard let found = storages.first(where: { $0.name == name }) else {
                throw CurfewError(.usage, "there is no storage “\(name)” in the configuration")
            }
            return ObjectStorage(found, clock: { clock.now })
        }
    }

    /// How a sweep differs from the usual one.
    struct Options: Sendable {
        /// How much later than now the policy is asked for: a preview of the future.
        var ahead: Duration = .zero
        /// One timeout in place of the configured ones.
        ///
        /// Index entries then keep their scores.
        var timeout: Duration?
        /// The most records to be changed.
        var limit: Int?
        /// Looks at what was decided over a page before anything is done, and may leave records out: for plans.
        var review: (@Sendable ([Evaluation]) -> [Evaluation])?
        /// Whether all records of an index, or all objects of a page, may be gone without the run being refused.
        var mayAllBeMissing = false
        /// What the run has done already when the sweep begins.
        var begun = RunCounters()
    }

    /// What a sweep ends with.
    struct Outcome: Sendable {
        var counters = RunCounters()
        /// Entries that were due when it began.
        var due = 0
        /// Entries that are due now.
        var remaining = 0
        /// For how long the first of them has been due.
        var oldest: Duration = .zero
        /// Why it stopped early, if it did.
        var error: (any Error)?
        /// What else is to be said of it, where it went through.
        var remark: String?
    }

    var now: Timestamp { clock.now + options.ahead }
    var index: String { cleanup.indexKey(store.keys) }

    /// Entries due up to then are looked at.
    ///
    /// A shorter timeout makes records due that the index does not show as due yet.
    var horizon: Timestamp {
        guard let timeout = options.timeout else { return now }
        // What records say themselves has no longest; each entry has to be looked at.
        guard !cleanup.policy.hasOwnTimeouts else { return Timestamp(milliseconds: .max) }
        return now + max(.zero, cleanup.longestTimeout - timeout)
    }

    /// Sweeps until nothing new is due, the limit is reached or the control says stop.
    func run() async -> Outcome {
        if claim != nil, store.redis.isCluster { return await runByNodes() }
        return await withTaskExecutorPreference(store.redis.taskExecutor) { await sweep() }
    }

    private var aim: PageSize.Aim {
        let manner = cleanup.policy.manner
        return registrySource != nil && !manner.isGentle ? .registries : .of(manner)
    }

    private func sweep() async -> Outcome {
        var state = State(
            size: PageSize(fixed: cleanup.page, aim: aim), committer: Committer(scope: scope))
        state.outcome.counters = options.begun
        do {
            try await begin(&state, horizon)
            repeat {
                try control.checkpoint()
                try await step(&state)
                try await deleteObjects(&state, all: false)
                try await reportErrors(&state)
            } while !isDone(state)
            for page in state.deciding { await abandon(page) }
            while !state.inFlight.isEmpty { try await receive(&state) }
            try await deleteObjects(&state, all: true)
            try await endWalk(&state)
            try await reportErrors(&state)
            if state.outcome.due > 0, scanned == nil { try await measureRest(&state.outcome) }
            try judge.checkIsFree()
        } catch {
            state.outcome.error = error
            for page in state.deciding { await abandon(page) }
            await receiveRest(&state)
            await releaseClaims(&state)
            await reportErrorsAfterStop(&state)
            await measureRestAfterStop(&state.outcome)
        }
        return state.outcome
    }

    /// Sends a page behind those in flight, receives the first of them, and makes the page after ready.
    private func step(_ state: inout State) async throws {
        if claim != nil, state.ready?.prepared != nil { await FailPoint.reached(.beforeCommit, cleanup) }
        let before = state.inFlight.dropLast(state.size.inFlight - 1).last?.commit
        let commit = try state.ready?.prepared.map { try store.redis.begin([$0.command], after: before) }
        let spans = state.ready.flatMap { self.spans(of: $0, commits: commit != nil) }
        state.inFlight.append(Flight(page: state.ready, commit: commit, spans: spans))
        state.ready = nil
        let sent = try store.redis.begin(state.request.commands, after: before)
        if state.inFlight.count > state.size.inFlight { try await receive(&state) }
        try await advance(&state)
        state.reading = Reading(state.request, sent: sent)
        state.request = try nextRequest(&state)
    }

    /// Waits for the first page that is in flight, and counts it.
    private func receive(_ state: inout State) async throws {
        let flight = state.inFlight.removeFirst()
        guard let page = flight.page else { return }
        let results: [CommitResult]
        do {
            results = try await self.results(of: page, commit: flight.commit)
        } catch {
            flight.spans?.end(error)
            throw error
        }
        flight.spans?.end(results)
        await FailPoint.reached(.afterCommit, cleanup)
        settle(page, results, &state)
        if let commit = flight.commit {
            state.size.called(with: page.judged.count, took: commit.elapsed(after: state.received))
            state.received = commit
        }
    }

    /// The spans of a page that is sent now; nil without a tracer.
    func spans(of page: Page, commits: Bool) -> PageSpans? {
        PageSpans(services.instruments, records: page.judged.count, commits: commits)
    }

    /// What is still due where a run was cancelled or ran out of time: without it the metrics, and the alerts on them,
    /// would say that nothing is left, where most of it is.
    func measureRestAfterStop(_ outcome: inout Outcome) async {
        guard let stop = outcome.error as? RunControl.Stop, stop != .lost else { return }
        guard outcome.due > 0, scanned == nil else { return }
        do {
            try await measureRest(&outcome)
        } catch {
            store.logger.debug("what is left could not be measured", metadata: ["error": "\(error)"])
        }
    }

    /// What is on its way when a sweep ends early is counted all the same; the first error is the one that tells.
    private func receiveRest(_ state: inout State) async {
        while !state.inFlight.isEmpty {
            do {
                try await receive(&state)
            } catch {
                store.logger.debug("a page on its way failed too", metadata: ["error": "\(error)"])
            }
        }
    }
}

/// A page on its way: what was decided and, where something is to be written, the call that writes it.
struct Page: Sendable {
    let judged: [Evaluation]
    let prepared: Committer.Prepared?
}

extension RunControl.Progress {
    /// Takes over the numbers of a sweep.
    mutating func report(_ outcome: Sweep.Outcome) {
        let counters = outcome.counters
        (found, changed, retried, skipped, failed) =
            (counters.found, counters.changed, counters.retried, counters.skipped, counters.failed)
        refunded = counters.refunded
        percent = outcome.due > 0 ? min(100, counters.checked * 100 / outcome.due) : 100
        step = "sweep"
    }
}
