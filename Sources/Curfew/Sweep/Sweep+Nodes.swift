internal import Logging
internal import Policies
internal import RedisClient

/// The sweep in a Cluster: the same reading and deciding, with commits that are sagas.
///
///     to Redis   page n: its steps, one after the other            │ page n+4
///                page n+1:  its steps                              │
///     here       decide n+2                                        │ count n
///
/// A saga waits for Redis most of the time, so some pages are on their way at once; each of their calls is small, because
/// the page is split over the nodes. They are counted in order, whichever comes back first.
extension Sweep {
    /// How many pages are on their way at once: more would be a tenth faster at best, and make others wait.
    static let mostFlights = 4

    /// How many records are in a page: where three nodes share them, each of the calls holds its node for less than a
    /// millisecond, and for less still where history is pruned.
    private static let usualPage = 192
    private static let gentlePage = 48

    /// A page that is back.
    private struct Landed: Sendable {
        let number: Int
        let page: Page
        let results: Result<[Committer.Result], any Error>
    }

    /// The same sweep, after what earlier runs have begun and not finished; only in a Cluster can there be any.
    func finishingSagas() async throws -> Sweep {
        guard let claim, engine.redis.isCluster else { return self }
        var options = options
        options.begun = try await SagaRecovery(saga: Saga(sweep: self, claim: claim)).run()
        return Sweep(
            engine: engine, cleanup: cleanup, claim: claim, control: control, clock: clock, options: options,
            scanned: scanned)
    }

    /// Sweeps as ``run()`` does, on the thread that the replies of all nodes come in on.
    func runByNodes(_ claim: Claim) async -> Outcome {
        await withTaskExecutorPreference(engine.redis.taskExecutor) { await sweepByNodes(claim) }
    }

    private func sweepByNodes(_ claim: Claim) async -> Outcome {
        let page = cleanup.kind == .retention ? Self.gentlePage : Self.usualPage
        var state = State(size: PageSize(fixed: cleanup.page ?? page))
        state.outcome.counters = options.begun
        let saga = Saga(sweep: self, claim: claim)
        state.saga = saga
        do {
            try await begin(&state, horizon)
            try await flyPages(&state, saga)
            try await deleteObjects(&state, all: true)
            try await reportErrors(&state)
            try await saga.close()
            if state.outcome.due > 0, scanned == nil { try await measureRest(&state.outcome) }
        } catch {
            state.outcome.error = error
            await releaseClaims(&state)
            await reportErrorsAfterStop(&state)
            await closeAfterStop(saga)
            await measureRestAfterStop(&state.outcome)
        }
        return state.outcome
    }

    /// Where that fails, the next run does it.
    private func closeAfterStop(_ saga: Saga) async {
        do {
            try await saga.close()
        } catch {
            engine.logger.debug("the marks of the run stay named", metadata: ["error": "\(error)"])
        }
    }

    private func flyPages(_ state: inout State, _ saga: Saga) async throws {
        try await withThrowingTaskGroup(of: Landed.self) { group in
            var flights = 0
            var started = 0
            var early: [Int: Landed] = [:]
            var counted = 0
            do {
                repeat {
                    try control.checkpoint()
                    if let page = state.ready {
                        state.ready = nil
                        flights += 1
                        group.addTask { [started] in await fly(page, started, saga) }
                        started += 1
                    }
                    let sent = try engine.redis.begin(state.request.commands)
                    state.ready = try await prepare(state.reading, &state)
                    state.reading = Reading(state.request, sent: sent)
                    state.request = try nextRequest(&state)
                    while flights >= Self.mostFlights || (flights > 0 && state.ready == nil) {
                        guard let landed = try await group.next() else { break }
                        flights -= 1
                        early[landed.number] = landed
                        while let next = early.removeValue(forKey: counted) {
                            counted += 1
                            try land(next, &state)
                        }
                        if state.ready == nil, !isDone(state) { break }
                    }
                    try await deleteObjects(&state, all: false)
                    try await reportErrors(&state)
                } while !isDone(state)
            } catch {
                // What is on its way is counted all the same; the first error is the one that tells.
                while let landed = try await group.next() { early[landed.number] = landed }
                for landed in early.values { landUnlessFailed(landed, &state) }
                throw error
            }
        }
    }

    private func fly(_ page: Page, _ number: Int, _ saga: Saga) async -> Landed {
        await FailPoint.reached(.beforeCommit, cleanup)
        do {
            let results = try await saga.commit(page.judged, rescores: options.timeout == nil)
            return Landed(number: number, page: page, results: .success(results))
        } catch {
            return Landed(number: number, page: page, results: .failure(error))
        }
    }

    private func land(_ landed: Landed, _ state: inout State) throws {
        settle(landed.page, try landed.results.get(), &state)
    }

    private func landUnlessFailed(_ landed: Landed, _ state: inout State) {
        switch landed.results {
        case .success(let results): settle(landed.page, results, &state)
        case .failure(let error):
            engine.logger.debug("a page on its way failed too", metadata: ["error": "\(error)"])
        }
    }
}
