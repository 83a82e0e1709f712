internal import Logging
internal import Policies
internal import RedisClient

/// One execution of a cleanup under its lease, from claim to release.
package struct Run: Sendable {
    let engine: Engine
    /// The cleanup.
    package let cleanup: Cleanup
    /// Its claim.
    package let claim: Claim
    let clock: ServerClock
    /// The lease, limits and progress; requests to stop are made here.
    package let control: RunControl
    let options: Sweep.Options
    /// The step of the clock at the claim, if there was one.
    let step: Duration?
    /// The task.
    let task: Assignment
    /// The person who overrode the guard, if any.
    let overriddenBy: String?

    /// The task of a run.
    package enum Assignment: Sendable {
        /// To process everything that is due.
        case due
        /// To execute a plan and nothing else.
        case plan(Plan)
        /// To undo another run.
        case undo(Undo)
    }

    /// Creates a run for a claim.
    ///
    /// - Parameters:
    /// - limit: the most records to change, instead of the configured number.
    /// - timeout: a timeout instead of the configured ones.
    /// - keepsTrash: whether removed records go to the trash, if the cleanup keeps one.
    /// - task: the task.
    /// - overriddenBy: the person who overrode the guard.
    /// - step: the step of Redis's clock at the tick that brought the claim.
    package init(
        engine: Engine, cleanup: Cleanup, claim: Claim, clock: ServerClock, limit: Int? = nil, timeout: Duration? = nil,
        keepsTrash: Bool = true, task: Assignment = .due, overriddenBy: String? = nil, step: Duration? = nil
    ) {
        self.step = step
        self.task = task
        self.overriddenBy = overriddenBy
        self.engine = engine
        var cleanup = timeout.map(cleanup.with(timeout:)) ?? cleanup
        cleanup.keepsTrash = cleanup.keepsTrash && keepsTrash
        cleanup.policy.origin.run = claim.run
        self.cleanup = cleanup
        self.claim = claim
        self.clock = clock
        options = Sweep.Options(timeout: timeout, limit: limit ?? cleanup.limit)
        control = RunControl(
            trust: LeaseTrust(length: engine.coordinator.lease, claimAttempt: claim.attempt),
            timeout: cleanup.runTimeout)
    }

    /// Runs to the end, releases the lease and returns the result.
    ///
    /// It never throws: errors are part of the result.
    package func execute() async -> RunResult {
        logStart()
        let result = await engine.instruments.traced("curfew.run", spanAttributes) { span in
            let result = await executeUnlogged()
            if let span { result.describe(span) }
            return result
        }
        engine.instruments.ended(result)
        logEnd(result)
        return result
    }

    private func executeUnlogged() async -> RunResult {
        await noticeLost()
        if let grace = cleanup.misfireGrace, claim.trigger == "schedule", isTooLate(grace) {
            return await finish(Sweep.Outcome(), .misfired, error: nil)
        }
        var logger = engine.logger
        logger[metadataKey: "run"] = "\(claim.run)"
        let keeper = LeaseKeeper(coordinator: engine.coordinator, claim: claim, control: control, logger: logger)
        let outcome = await withTaskGroup(of: Sweep.Outcome?.self) { group in
            group.addTask {
                await keeper.run()
                return nil
            }
            group.addTask { await work() }
            var outcome: Sweep.Outcome?
            while outcome == nil, let next = await group.next() { outcome = next }
            group.cancelAll()
            return outcome ?? Sweep.Outcome()
        }
        await FailPoint.reached(.beforeFinish, cleanup)
        let (status, reason) = Self.status(of: outcome)
        if status == .failed, let cause = outcome.error { control.failed(cause) }
        // A lease that expired while Redis was unreachable is reported differently from one that another instance took.
        let away = status == .lost ? control.failure : nil
        return await finish(outcome, status, error: away.map { "the lease expired in the meantime: \($0)" } ?? reason)
    }

    /// Evaluates the alerts on the lost previous run before anything else: this run may be lost for the same reason.
    func noticeLost() async {
        guard let lost = claim.replaces else { return }
        do {
            try await Alerts(engine: engine).noticeLost(lost, of: cleanup.name, now: clock.now)
        } catch {
            engine.logger.warning("the alerts on a lost run were not evaluated", metadata: ["error": "\(error)"])
        }
    }

    /// The work itself: the scan, if one is due, then the due records.
    private func work() async -> Sweep.Outcome {
        await FailPoint.reached(.afterClaim, cleanup)
        let sweep: Sweep
        var options = options
        do {
            let first = Sweep(
                engine: engine, cleanup: cleanup, claim: claim.isDryRun ? nil : claim, control: control, clock: clock,
                options: options, scanned: nil)
            options.ahead = try await first.retrying { try await begin() }
            sweep = try await first.with(options).finishingEarlier()
        } catch {
            return Sweep.Outcome(error: error)
        }
        let sweepGuard = RunGuard(limits: cleanup.guardLimits, overriddenBy: overriddenBy)
        switch task {
        case .undo(let undo):
            return await UndoSweep(
                store: engine.store, journal: engine.journal, undo: undo, claim: claim, control: control, clock: clock,
                begun: sweep.options.begun
            ).run()
        case .plan(let plan):
            do {
                // The guard compares with the number of tracked records.
                let scan = KeyspaceScan(engine: engine, cleanup: cleanup, control: control, clock: clock)
                if cleanup.index == nil, cleanup.scan != nil, !claim.isDryRun {
                    try await scan.runBeforeSweep(isAsked: true)
                }
            } catch {
                return Sweep.Outcome(error: error)
            }
            return await PlannedSweep(plan: plan, sweepGuard: sweepGuard).run(sweep)
        case .due: break
        }
        do {
            if cleanup.scan != nil {
                let scan = KeyspaceScan(engine: engine, cleanup: cleanup, control: control, clock: clock)
                if claim.isDryRun {
                    let found = try await cleanup.index == nil ? scan.entries() : nil
                    return await Sweep(
                        engine: engine, cleanup: cleanup, claim: nil, control: control, clock: clock, options: options,
                        found: found
                    ).run()
                }
                let isAsked = claim.trigger != "schedule"
                try await scan.runBeforeSweep(isAsked: isAsked)
            }
        } catch {
            return Sweep.Outcome(error: error)
        }
        return await sweepGuard.run(sweep)
    }

    private static func status(of outcome: Sweep.Outcome) -> (RunResult.Status, String?) {
        switch outcome.error {
        case let conflict as Definitions.Conflict: return (.failed, conflict.description)
        case nil:
            let isWhole = outcome.counters.failed == 0 && outcome.remark == nil
            return (isWhole ? .completed : .completedWithErrors, outcome.remark)
        case let refusal as RunGuard.Refusal: return (.refused, refusal.message)
        case let stop as RunControl.Stop:
            switch stop {
            case .lost: return (.lost, "the lease was lost; another instance continues")
            case .cancelled(let who): return (.cancelled, "cancelled by \(who)")
            case .timedOut: return (.timedOut, "the run-timeout was reached; the rest waits for the next run")
            case .handedOver: return (.cancelled, "handed over: the instance is shutting down")
            }
        case let error as CurfewError where error.code == .lost: return (.lost, error.message)
        case let error?: return (.failed, "\(error)")
        }
    }

    private func finish(_ outcome: Sweep.Outcome, _ status: RunResult.Status, error: String?) async -> RunResult {
        let now = clock.now
        var result = result(outcome, status, error: error, now: now)
        guard status != .lost else { return result }
        var measured = RunMeasurements(
            run: claim.run, cleanup: cleanup.name, counters: outcome.counters, duration: now - claim.acquired,
            lag: max(.zero, claim.acquired - claim.due), oldestOverdue: outcome.oldest, backlog: outcome.remaining)
        measured.isRefused = status == .refused
        measured.isFailed = status == .failed
        measured.isDryRun = claim.isDryRun
        if isUndo { measured.kind = Trigger.undo }
        let next = await next(after: status, outcome, now: now)
        let alerts = Alerts(engine: engine)
        let definitions = isUndo ? [] : alerts.definitions(for: cleanup.name) + guardAlert(after: status)
        do {
            let fields = historyFields(result, now: now)
            guard let states = try await finishSurely(fields, measured, definitions, next: next) else {
                result.status = .lost
                result.error = "the lease was lost before the end was recorded"
                return result
            }
            do {
                try await alerts.evaluate(measured, definitions, states: states, now: now)
            } catch {
                // The end stands all the same.
                engine.logger.error("the alerts on a run were not evaluated", metadata: ["error": "\(error)"])
                control.failed(error)
                result.error = [result.error, "the alerts were not evaluated: \(error)"].compactMap(\.self)
                    .joined(separator: "; ")
            }
        } catch {
            engine.logger.error("the end of a run was not recorded", metadata: ["error": "\(error)"])
            control.failed(error)
            let isSilent = (error as? CurfewError)?.underlying?.code == .shuttingDown
            let rest =
                isSilent ? "; the last changes may or may not have been made, and the lease expires by itself" : ""
            result.error = [result.error, "the end was not recorded: \(error)\(rest)"].compactMap(\.self)
                .joined(separator: "; ")
        }
        return result
    }

    /// Ends the run in Redis.
    ///
    /// A lost reply is followed by a second attempt; if the lease is gone by then, the first attempt released it.
    private func finishSurely(
        _ fields: [(String, String)], _ measured: RunMeasurements, _ alerts: [AlertDefinition],
        next: Timestamp?
    ) async throws -> [AlertState]? {
        var isRepeated = false
        var retries = Retries(Backoff(most: .seconds(1)))
        while true {
            do {
                let states = try await engine.coordinator.finish(
                    claim, next: next, runFields: fields, metricFields: measured.fields, alerts: alerts)
                return states ?? (isRepeated ? [] : nil)
            } catch {
                guard CommitScope.isPassing(error), control.trustEnd.map({ $0 > .now }) == true else { throw error }
                isRepeated = isRepeated || error.underlying?.code == .outcomeUnknown
            }
            try await Task.sleep(for: retries.failed())
        }
    }

    /// The guard alert of the cleanup, if the run changes its state.
    private func guardAlert(after status: RunResult.Status) -> [AlertDefinition] {
        let hasPassed = [.completed, .completedWithErrors, .refused].contains(status)
        return cleanup.mayBeRefused && !claim.isDryRun && hasPassed ? [.ofGuard(on: cleanup.name)] : []
    }

    private func result(
        _ outcome: Sweep.Outcome, _ status: RunResult.Status, error: String?, now: Timestamp
    ) -> RunResult {
        var result = RunResult(
            run: claim.run, cleanup: cleanup.name, instance: engine.instance.id, fence: Int64(claim.fence) ?? 0,
            trigger: claim.trigger, dryRun: claim.isDryRun, status: status, startedAt: claim.acquired.iso8601,
            duration: now - claim.acquired, counters: outcome.counters, error: error)
        if case .undo(let undo) = task { result.undoes = undo.run }
        if !outcome.counters.kept.isEmpty { result.left = outcome.counters.kept }
        if cleanup.kind == .files, !isUndo {
            (result.deletedCount, result.failedCount) = (result.cleanedUp, result.failed)
        }
        return result
    }

    private func historyFields(_ result: RunResult, now: Timestamp) -> [(String, String)] {
        [
            ("run", claim.run), ("cleanup", cleanup.name), ("policy", cleanup.kind.rawValue),
            ("instance", engine.instance.id), ("fence", claim.fence), ("trigger", claim.trigger),
            ("dry_run", claim.isDryRun ? "1" : "0"), ("status", result.status.rawValue),
            ("due_ms", String(claim.due.milliseconds)), ("started_ms", String(claim.acquired.milliseconds)),
            ("finished_ms", String(now.milliseconds)), ("found", String(result.totalFound)),
            ("changed", String(result.cleanedUp)), ("retried", String(result.retried)),
            ("skipped", String(result.skipped)), ("failed", String(result.failed)),
            ("refunded", String(result.tokensRefunded)), ("bytes_freed", String(result.bytesFreed)),
            ("absent", String(result.absent)), ("actions", JSONText.object(result.actions)),
            ("error", result.error ?? ""),
        ] + undoFields
    }

    /// What an undo says of itself in the history.
    private var undoFields: [(String, String)] {
        guard case .undo(let undo) = task else { return [] }
        return [("undoes", undo.run)] + (undo.record.map { [("record", $0)] } ?? [])
    }
}

extension RunResult {
    /// Creates the result from the run's counters.
    init(
        run: String, cleanup: String, instance: String, fence: Int64, trigger: String, dryRun: Bool, status: Status,
        startedAt: String, duration: Duration, counters: RunCounters, error: String?
    ) {
        self.init(
            run: run, cleanup: cleanup, instance: instance, fence: fence, trigger: trigger, dryRun: dryRun,
            status: status,
            startedAt: startedAt, durationMs: duration.milliseconds, totalFound: counters.found,
            cleanedUp: counters.changed, actions: counters.actions,
            retried: counters.retried, skipped: counters.skipped, failed: counters.failed, stalled: counters.stalled,
            tokensRefunded: counters.refunded, bytesFreed: counters.bytesFreed,
            absent: counters.absent, records: counters.records, errors: counters.errors,
            error: error)
        if counters.refundedBefore > 0 { refundedBefore = counters.refundedBefore }
    }
}
