extension CountersPolicy {
    /// What a group of tasks comes to, and why.
    private struct Outcome {
        let action: Change.Action
        let to: String
        let counts: TaskCounts
        let reason: String
    }

    /// Leaves, drops, asks about, closes or puts right the group, as the description of the type says.
    package func verdict(on record: Record, at now: Timestamp) throws(RecordError) -> Verdict {
        let timeout = longestTimeout
        let status: String
        switch try scope.place(record, lookAgain: now + timeout) {
        case .outside(let verdict): return verdict
        case .within(let found): status = found
        }
        let started = try since.time(of: record, by: times, at: now)
        let deadline = started.time.timestamp + timeout
        guard now >= deadline else {
            let reason = "\(started.name) \(started.distance(from: now)), times out in \((deadline - now).roughText)"
            return .leave(until: deadline, because: reason)
        }
        guard let total = try record.wholeNumber(self.total) else {
            throw RecordError("\(self.total) is missing: expected a whole number, 0 or more")
        }
        let reckoning: CounterTotals
        switch try count(record, total: total) {
        case .ask(let question): return .ask([question])
        case .known(let known): reckoning = known
        }
        let outcome = outcome(of: reckoning.counts, total: total, status: status)
        let isStalled = outcome.action == .recount
        if isStalled, reckoning.correction == nil {
            return .leave(Leave(until: nil, because: outcome.reason, isStalled: true))
        }
        let (sets, drift) = writes(to: record, status: status, outcome)
        let correction = reckoning.correction.map { $0 + (drift > 0 ? ", off by \(drift)" : "") }
        let reason = [correction, outcome.reason].compactMap(\.self).joined(separator: "; ")
        return .change(
            Change(
                action: outcome.action, from: status, to: outcome.to, reason: reason,
                age: now - started.time.timestamp, timeout: timeout,
                guards: guards(on: record, status: status, started),
                effects: [
                    .write(RecordWrite(sets, before: record.image(unique([scope.field] + sets.map(\.field)))))
                ],
                drift: drift, next: isStalled ? now + timeout : nil))
    }

    /// What becomes of a group with these counts, which are possible.
    ///
    /// The action `recount` stands for: tasks are still active.
    private func outcome(of counts: TaskCounts, total: Int64, status: String) -> Outcome {
        let missing = total - counts.completed - counts.failed - counts.queued - counts.processing
        let active = counts.queued + counts.processing
        var reason = "\(counts.completed) of \(total) completed, \(counts.failed) failed"
        if active == 0, missing == 0 {
            return Outcome(action: .complete, to: completedTo, counts: counts, reason: reason)
        }
        if active > 0 { reason += ", \(active) still active" }
        if missing > 0 { reason += ", \(missing) missing" }
        if active > 0, !stalledFails {
            return Outcome(action: .recount, to: status, counts: counts, reason: reason)
        }
        reason += ", counted as failed"
        let ended = TaskCounts(completed: counts.completed, failed: total - counts.completed)
        if active == 0, counts.completed > 0 {
            return Outcome(action: .complete, to: completedTo, counts: ended, reason: reason)
        }
        return Outcome(action: .fail, to: failedTo, counts: ended, reason: reason)
    }

    /// The status and the counters, as far as they differ from what the record holds, and how far the counters differ.
    ///
    /// A number is written as the one before it was, `7.0` as `8.0`.
    private func writes(
        to record: Record, status: String, _ outcome: Outcome
    ) -> (sets: [FieldWrite], drift: Int64) {
        var sets: [FieldWrite] = []
        var drift: Int64 = 0
        if outcome.to != status { sets.append(FieldWrite(field: scope.field, value: outcome.to)) }
        let counts = outcome.counts
        let isSplit = counters.processing != nil
        let numbers = [
            (counters.queued, isSplit ? counts.queued : counts.queued + counts.processing),
            (counters.processing, counts.processing), (counters.completed, counts.completed),
            (counters.failed, counts.failed),
        ]
        for case (let field?, let count) in numbers {
            let stored = record.present(field).flatMap { WholeNumber($0) }
            let was = stored?.value ?? 0
            guard was != count else { continue }
            sets.append(FieldWrite(field: field, value: stored?.text(for: count) ?? String(count)))
            drift = TaskCounts.sum(drift, TaskCounts.distance(from: was, to: count))
        }
        return (sets, drift)
    }

    /// All that decided: the status, the time, and every number.
    private func guards(on record: Record, status: String, _ started: FieldTime) -> [Guard] {
        let numbers = [total] + counters.fields
        return started.guards(after: scope.isUnchanged(status, in: record))
            + numbers.map { .field($0, equals: record[$0]) }
    }
}
