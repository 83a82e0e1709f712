internal import Logging
internal import Policies
internal import RedisClient

/// What was before a run, and what its end means for the schedule.
extension Run {
    var isUndo: Bool {
        if case .undo = task { true } else { false }
    }

    /// Whether a late run is too late: counted from the newest occurrence that has passed, or from the end of the lease
    /// that it replaces.
    func isTooLate(_ grace: Duration) -> Bool {
        let late = cleanup.schedule.lateness(due: claim.due, now: claim.acquired, upTo: grace)
        return min(claim.lateness, late) > grace
    }

    /// Refuses the run where its name stands for something else; gives back by how much earlier than by the clock of Redis
    /// records are to be judged, below zero, while that clock is in doubt.
    func begin() async throws -> Duration {
        let memory = claim.memory
        guard !isUndo else { return .zero }
        if let conflict = try await Definitions(engine.coordinator).conflict(over: cleanup, noted: memory.definition) {
            control.contested()
            throw conflict
        }
        if step != nil { try await waitForClock() }
        let now = clock.now
        let own = step.map { ClockStep(step: $0, total: $0, seen: now).correction(for: cleanup, at: now) }
        // Another instance may have noted the same step already, or one more.
        return min(memory.step?.correction(for: cleanup, at: now) ?? .zero, own ?? .zero)
    }

    /// Waits until two readings of the clock agree with the time between them.
    private func waitForClock() async throws {
        var watch = ClockWatch()
        while true {
            let sent = ContinuousClock.now
            let reading = try await engine.serverClock().now
            let isFirst = watch.isEmpty
            _ = watch.take(reading, at: .now, within: sent.duration(to: .now))
            if !isFirst, !watch.isInDoubt { return }
            try control.checkpoint()
            try await Task.sleep(for: .milliseconds(500))
        }
    }

    /// When the cleanup is due again; nil: at once.
    ///
    /// What it owes until then is written down before.
    ///
    /// A run that somebody asked for doesn't move the schedule.
    func next(after status: RunResult.Status, _ outcome: Sweep.Outcome, now: Timestamp) async -> Timestamp? {
        let error = outcome.error
        if case .handedOver? = control.stopReason() { return nil }
        // What is refused here is left to those who may run it.
        guard !isUndo, !(error is Definitions.Conflict) else { return claim.due }
        let next = NextRun(
            after: ending(status, outcome), claimed: occurrence, owed: claim.memory.owed, schedule: cleanup.schedule,
            began: claim.acquired, now: now)
        if next.owed != claim.memory.owed { await note(next.owed) }
        return next.due
    }

    /// When the run was due, or now where that is later than it can be: left from a clock that was ahead.
    private var occurrence: Timestamp {
        let schedule = claim.memory.definition?.schedule ?? cleanup.schedule
        return claim.due > schedule.latest(from: claim.acquired + ClockStep.most) ? claim.acquired : claim.due
    }

    private func ending(_ status: RunResult.Status, _ outcome: Sweep.Outcome) -> NextRun.Ending {
        let error = outcome.error
        // To look is no success of a cleanup that works.
        if claim.isDryRun, !cleanup.isDryRun { return .stopped }
        switch status {
        // Some were freed, and the rest was refused for want of memory.
        case .completedWithErrors: return outcome.counters.fullMemory.map { .failedForNow($0) } ?? .done
        case .completed, .timedOut: return .done
        case .failed:
            let why = error.map { "\($0)" } ?? "it failed"
            return error.map(Self.willPass) ?? true ? .failedForNow(why) : .notDone(why)
        case .refused: return .notDone("it was refused")
        case .misfired: return .notDone("it was too late")
        case .cancelled, .lost: return .stopped
        }
    }

    /// Whether what a run failed with may be over in a few minutes, with nobody doing anything about Curfew.
    ///
    /// What lasts is what somebody has to set right: a configuration, a right, a key of another type.
    static func willPass(_ error: any Error) -> Bool {
        let redis = CurfewError.redis(behind: error)
        if let redis {
            guard redis.code == .server else { return redis.code != .authentication }
            // Functions that were taken away are loaded with the next call.
            if FunctionLibrary.isMissingFunction(redis) { return true }
            return passing.contains(redis.server?.code ?? "")
        }
        guard let error = error as? CurfewError else { return true }
        return ![.usage, .damaged].contains(error.code)
    }

    /// Full, read-only, unable to save, too few replicas, without its primary, starting, busy; a cluster that doesn't
    /// serve, or whose keys are on the way.
    private static let passing: Set<String> = [
        "OOM", "READONLY", "MISCONF", "NOREPLICAS", "MASTERDOWN", "LOADING", "BUSY", "CLUSTERDOWN", "TRYAGAIN",
    ]

    /// Writes down what the cleanup owes, under the lease: a run that has lost it says nothing of its successor's.
    private func note(_ owed: Owed?) async {
        var change = PlainChange(member: cleanup.name)
        if let owed {
            change.write("HSET", .own(engine.keys.owed), [.value(cleanup.name), .value(owed.text)])
        } else {
            change.write("HDEL", .own(engine.keys.owed), [.value(cleanup.name)])
        }
        do {
            _ = try await engine.functions.note(change, engine.keys, under: claim)
        } catch {
            engine.logger.warning("what a cleanup owes could not be noted", metadata: ["error": "\(error)"])
        }
    }
}
