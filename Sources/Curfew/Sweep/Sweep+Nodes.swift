internal import Logging
internal import Policies
internal import RedisClient

/// The sweep in a Cluster: the same reading and deciding, with commits that are sagas.
///
///     to Redis   page n: its steps, one after the other            │ page n+3
///                page n+1:  its steps                              │
///     here       decide n+2                                        │ count n
///
/// A saga waits for Redis most of the time, so some pages are on their way at once; each of their calls is small, because
/// the page is split over the nodes. They are counted in order, whichever comes back first.
extension Sweep {
    /// How many pages are on their way at once: more would be a tenth faster at best, and make others wait.
    static let mostInFlight = 3

    /// How many records of a page are on one node, about.
    ///
    /// Each of the calls then holds its node for less than a millisecond, and for less still where history is pruned. What
    /// a call costs beside its records is paid once for all of these, however many nodes there are.
    private static let usualShare = 96
    private static let gentleShare = 16
    /// Members of registries, which may have to be searched for.
    private static let memberShare = 64
    /// The most nodes that a page grows with: the index is read past what is on its way, in one command.
    private static let mostShares = 5

    /// How many records are in a page.
    private var pageLength: Int {
        let nodes = min(max(store.redis.owners.count, 1), Self.mostShares)
        if cleanup.policy.manner.isGentle { return Self.gentleShare * max(nodes, 3) }
        return (registrySource == nil ? Self.usualShare : Self.memberShare) * nodes
    }

    /// A page that is back.
    private struct Received: Sendable {
        let number: Int
        let page: Page
        let results: Result<[CommitResult], any Error>
    }

    /// The same sweep, after what earlier runs have begun and not finished; only in a cluster can there be any.
    func finishingEarlier() async throws -> Sweep {
        guard claim != nil else { return self }
        let finished = try await scope.committer.finishEarlier()
        guard !finished.isEmpty else { return self }
        var options = options
        for item in finished {
            switch item {
            case .changed(let id, let change): options.begun.changed(id, change, isDryRun: false)
            case .failed(let id, let why, let isRecord): options.begun.failed(id, why, isRecord: isRecord)
            }
        }
        return Sweep(
            store: store, services: services, cleanup: cleanup, claim: claim, control: control, clock: clock,
            options: options,
            scanned: scanned, registries: registries)
    }

    /// Sweeps as ``run()`` does, on the thread that the replies of all nodes come in on.
    ///
    /// Where there are cores to spare, the steps of a page have another thread each: reading and deciding, which stay on
    /// this one, take less than half of the time.
    func runByNodes() async -> Outcome {
        await withTaskExecutorPreference(store.redis.taskExecutor) { await sweepByNodes() }
    }

    private func sweepByNodes() async -> Outcome {
        let committer = scope.committer
        var state = State(size: PageSize(fixed: cleanup.page ?? pageLength), committer: committer)
        state.outcome.counters = options.begun
        do {
            try await begin(&state, horizon)
            try await sendPages(&state, committer)
            try await deleteObjects(&state, all: true)
            try await endWalk(&state)
            try await reportErrors(&state)
            try await committer.close()
            if state.outcome.due > 0, scanned == nil { try await measureRest(&state.outcome) }
        } catch {
            state.outcome.error = error
            await releaseClaims(&state)
            await reportErrorsAfterStop(&state)
            await committer.closeAfterStop(store.logger)
            await measureRestAfterStop(&state.outcome)
        }
        return state.outcome
    }

    private func sendPages(_ state: inout State, _ committer: any Committing) async throws {
        let executors = store.redis.otherExecutors
        try await withThrowingTaskGroup(of: Received.self) { group in
            var inFlight = 0
            var started = 0
            var early: [Int: Received] = [:]
            var counted = 0
            do {
                repeat {
                    try control.checkpoint()
                    if let page = state.ready {
                        state.ready = nil
                        inFlight += 1
                        let number = started
                        if executors.isEmpty {
                            group.addTask { await send(page, number, committer) }
                        } else {
                            let executor = executors[number % executors.count]
                            group.addTask(executorPreference: executor) { await send(page, number, committer) }
                        }
                        started += 1
                    }
                    let sent = try store.redis.begin(state.request.commands)
                    state.ready = try await prepare(state.reading, &state)
                    state.reading = Reading(state.request, sent: sent)
                    state.request = try nextRequest(&state)
                    while inFlight >= Self.mostInFlight || (inFlight > 0 && state.ready == nil) {
                        guard let received = try await group.next() else { break }
                        inFlight -= 1
                        early[received.number] = received
                        while let next = early.removeValue(forKey: counted) {
                            counted += 1
                            try receive(next, &state)
                        }
                        if state.ready == nil, !isDone(state) { break }
                    }
                    try await deleteObjects(&state, all: false)
                    try await reportErrors(&state)
                } while !isDone(state)
            } catch {
                // What is on its way is counted all the same; the first error is the one that tells.
                while let received = try await group.next() { early[received.number] = received }
                for received in early.values { receiveUnlessFailed(received, &state) }
                throw error
            }
        }
    }

    private func send(_ page: Page, _ number: Int, _ committer: any Committing) async -> Received {
        await FailPoint.reached(.beforeCommit, cleanup)
        let spans = spans(of: page, commits: true)
        do {
            let results = try await committer.commit(
                page.judged, rescores: options.timeout == nil, repeats: true)
            spans?.end(results)
            return Received(number: number, page: page, results: .success(results))
        } catch {
            spans?.end(error)
            return Received(number: number, page: page, results: .failure(error))
        }
    }

    private func receive(_ received: Received, _ state: inout State) throws {
        settle(received.page, try received.results.get(), &state)
    }

    private func receiveUnlessFailed(_ received: Received, _ state: inout State) {
        switch received.results {
        case .success(let results): settle(received.page, results, &state)
        case .failure(let error):
            store.logger.debug("a page on its way failed too", metadata: ["error": "\(error)"])
        }
    }
}
