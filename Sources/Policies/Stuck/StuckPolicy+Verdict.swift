extension StuckPolicy {
    /// A record that is past its time, and what was found out about it on the way.
    struct Overdue {
        let record: Record
        let now: Timestamp
        let status: String
        /// The first present of the `since` fields: it names the charge in a refund's ledger.
        let started: FieldTime
        /// The time that decided: the heartbeat where that is later, else ``started``.
        let latest: FieldTime
        /// How long nothing has been heard of the record.
        let age: Duration
        let type: String
        let timeout: Duration
        /// Whether the timeout is that of the type.
        let isByType: Bool
        /// ``age`` in words.
        let ageText: String
        /// ``timeout`` in words.
        let timeoutText: String
        /// What must still be so, whatever is done.
        var guards: [Guard]
        /// Why, as far as it is known.
        var reason: String
        /// Why it gets no other try, where it had some.
        var exhausted: String?

        /// Where it is stuck, in words: in its status, or where it stands.
        var place: String {
            if !status.isEmpty { return " in \(status)" }
            return (record.place?.seat?.registry).map { " in \($0)" } ?? ""
        }

        /// The reason for the record itself.
        ///
        /// The audit trail has the whole of it; this stays short, because a value of more than 64 bytes makes Redis
        /// keep the whole hash in a form that takes three times the memory (`hash-max-listpack-value`).
        var error: String {
            let text = String(pieces: ["stuck", place, " for ", ageText, " (timeout ", timeoutText, ")"])
            return exhausted.map { "\(text); \($0)" } ?? text
        }
    }

    /// Leaves, drops, asks, or changes the record, as the description of the type says.
    package func verdict(on record: Record, at now: Timestamp) throws(RecordError) -> Verdict {
        let type = timeouts.flatMap { record.present($0.by) } ?? ""
        let ownTimeout = timeoutOverride == nil ? timeouts?.byType[type] : nil
        let timeout = timeoutOverride ?? ownTimeout ?? timeout
        let status: String
        switch try scope.place(record, lookAgain: now + timeout) {
        case .outside(let verdict): return verdict
        case .within(let found): status = found
        }
        let started = try record.firstTime(since, by: times, at: now)
        let latest = try latestSign(of: record, started: started, at: now)
        let deadline = latest.time.timestamp + timeout
        guard now >= deadline else {
            let reason = "\(latest.field) \(latest.distance(from: now)), times out in \((deadline - now).roughText)"
            return .leave(until: deadline, because: reason)
        }
        let age = now - latest.time.timestamp
        var overdue = Overdue(
            record: record, now: now, status: status, started: started, latest: latest, age: age, type: type,
            timeout: timeout, isByType: ownTimeout != nil, ageText: age.roughText, timeoutText: timeout.text,
            guards: latest.guards(after: scope.isUnchanged(status, in: record)), reason: "")
        overdue.reason = reason(for: overdue)
        // A heartbeat that comes in between must win, also where it didn't decide.
        if let heartbeat, heartbeat != latest.field {
            overdue.guards.append(.field(heartbeat, equals: record[heartbeat]))
        }
        return try verdict(on: &overdue)
    }

    /// The verdict once the record is past its time: who is at it, whether it had finished, whether it gets a retry.
    private func verdict(on overdue: inout Overdue) throws(RecordError) -> Verdict {
        let record = overdue.record
        if let liveness {
            switch try liveness.state(of: record) {
            case .unknown(let question): return .ask([question])
            case .alive(let key): return .leave(until: nil, because: "\(key) exists: somebody is working on it")
            case .gone(let guards, let because):
                overdue.guards += guards
                overdue.reason += "; \(because)"
            }
        }
        if let completedWhen {
            overdue.guards.append(.field(completedWhen, equals: record[completedWhen]))
            if record.present(completedWhen) != nil { return .change(completion(of: overdue, because: completedWhen)) }
        }
        guard let retry else { return try failure(of: overdue) }
        let history: RecoveryHistory
        switch try RecoveryHistory.find(of: record, field: writtenNames.recoveries, retry: retry, at: overdue.now) {
        case .unknown(let question): return .ask([question])
        case .known(let known): history = known
        }
        guard history.exhausted == nil else {
            if retry.limit > 0, let exhausted = history.exhausted {
                overdue.reason += "; \(exhausted)"
                overdue.exhausted = exhausted
            }
            return try failure(of: overdue)
        }
        return .change(try recovery(of: overdue, by: retry, after: history))
    }

    /// The heartbeat where it is later than the start, else the start.
    private func latestSign(
        of record: Record, started: FieldTime, at now: Timestamp
    ) throws(RecordError) -> FieldTime {
        guard let heartbeat, let beat = try record.time(heartbeat, by: times, at: now) else { return started }
        return beat.time.timestamp > started.time.timestamp ? beat : started
    }

    /// `stuck in PROCESSING for 10m: no heartbeat since 2023-07-22T04:26:40Z, timeout 5m`.
    private func reason(for overdue: Overdue) -> String {
        let latest = overdue.latest
        let time = TimeForm.iso8601(TimeForm.ISO8601()).text(for: latest.time.timestamp)
        let isBeat = latest.field == heartbeat
        return String(pieces: [
            "stuck", overdue.place, " for ", overdue.ageText,
            isBeat ? ": no heartbeat since " : ": ", isBeat ? "" : latest.field, isBeat ? "" : " was ", time,
            ", timeout ", overdue.timeoutText, overdue.isByType ? " for " : "",
            overdue.isByType ? overdue.type : "",
        ])
    }
}
