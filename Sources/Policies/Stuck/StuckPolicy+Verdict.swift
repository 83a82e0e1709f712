extension StuckPolicy {
    /// A record that is past its time, and what was found out about it on the way.
    struct Overdue {
        let record: Record
        let now: Timestamp
        let status: String
        /// The rules for records of its type.
        let rules: Rules
        /// What `since` gives: it names the charge in a refund's ledger.
        let started: FieldTime
        /// The time that decided: the heartbeat where that is later, else ``started``.
        let latest: FieldTime
        /// How long nothing has been heard of the record.
        let age: Duration
        let type: String
        /// The age that it has passed: its timeout, or the highest age.
        let timeout: Duration
        /// Its timeout.
        let nextTimeout: Duration
        /// Whether it has passed the highest age, so that no sign of life keeps it.
        let isTooOld: Bool
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
            let limit = isTooOld ? " (max-age " : " (timeout "
            let text = String(pieces: ["stuck", place, " for ", ageText, limit, timeoutText, ")"])
            return exhausted.map { "\(text); \($0)" } ?? text
        }
    }

    /// Leaves, drops, asks, or changes the record, as the description of the type says.
    package func verdict(on record: Record, at now: Timestamp) throws(RecordError) -> Verdict {
        let type = type(of: record)
        let rules = rules(for: type)
        let status: String
        switch try scope.place(record, lookAgain: now + (timeoutOverride ?? rules.timeout.general)) {
        case .outside(let verdict): return verdict
        case .within(let found): status = found
        }
        let ownTimeout = try rules.timeout.time(of: record, override: timeoutOverride)
        let started = try since.time(of: record, by: times, at: now)
        let latest = try latestSign(of: record, started: started, at: now)
        let oldest = rules.maxAge.map { started.time.timestamp + $0 }
        let isTooOld = oldest.map { now >= $0 } ?? false
        let deadline = min(latest.time.timestamp + ownTimeout, oldest ?? Timestamp(milliseconds: .max))
        guard now >= deadline else {
            let reason = "\(latest.name) \(latest.distance(from: now)), times out in \((deadline - now).roughText)"
            return .leave(until: deadline, because: reason)
        }
        let sign = isTooOld ? started : latest
        let timeout = isTooOld ? rules.maxAge ?? ownTimeout : ownTimeout
        let age = now - sign.time.timestamp
        var overdue = Overdue(
            record: record, now: now, status: status, rules: rules, started: started, latest: sign, age: age,
            type: type, timeout: timeout, nextTimeout: ownTimeout, isTooOld: isTooOld,
            isByType: timeoutOverride == nil && !isTooOld && rules.isTimeoutByType, ageText: age.roughText,
            timeoutText: timeout.text, guards: guards(of: sign, status, in: record), reason: "")
        overdue.reason = reason(for: overdue)
        if !isTooOld {
            // A heartbeat that comes in between must win, also where it didn't decide.
            if let heartbeat, heartbeat != latest.field {
                overdue.guards.append(.field(heartbeat, equals: record[heartbeat]))
            }
            if timeoutOverride == nil { overdue.guards += rules.timeout.guards(of: record) }
        }
        if guardsType, let typeField { overdue.guards.append(.field(typeField, equals: record[typeField])) }
        return try verdict(on: &overdue)
    }

    /// The verdict once the record is past its time: who is at it, whether it had finished, whether it gets a retry.
    private func verdict(on overdue: inout Overdue) throws(RecordError) -> Verdict {
        let record = overdue.record
        if let liveness, !overdue.isTooOld {
            switch try liveness.state(of: record, by: times, at: overdue.now) {
            case .unknown(let questions): return .ask(questions)
            case .alive(let because): return .leave(until: nil, because: "\(because): somebody is working on it")
            case .gone(let guards, let because):
                overdue.guards += guards
                overdue.reason += "; \(because)"
            }
        }
        if let completedWhen {
            overdue.guards.append(.field(completedWhen, equals: record[completedWhen]))
            if record.present(completedWhen) != nil { return .change(completion(of: overdue, because: completedWhen)) }
        }
        guard let retry = overdue.rules.retry else { return try failure(of: overdue) }
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
        // In a registry it may be the time before which a job isn't to be looked for, however far ahead.
        let bound = record.place?.seat == nil ? now : nil
        guard let heartbeat, let beat = try record.time(heartbeat, by: times, at: bound) else { return started }
        return beat.time.timestamp > started.time.timestamp ? beat : started
    }

    /// The time that decided, and the status, unless nobody looks at it.
    private func guards(of latest: FieldTime, _ status: String, in record: Record) -> [Guard] {
        guard !scope.states.isEmpty || fields.contains(scope.field) else { return latest.guards }
        return latest.guards(after: scope.isUnchanged(status, in: record))
    }

    /// `stuck in PROCESSING for 10m: no heartbeat since 2023-07-22T04:26:40Z, timeout 5m`.
    private func reason(for overdue: Overdue) -> String {
        let latest = overdue.latest
        let time = TimeForm.iso8601(TimeForm.ISO8601()).text(for: latest.time.timestamp)
        let isBeat = latest.field == heartbeat && !overdue.isTooOld
        return String(pieces: [
            "stuck", overdue.place, " for ", overdue.ageText,
            isBeat ? ": no heartbeat since " : ": ", isBeat ? "" : latest.name, isBeat ? "" : " was ", time,
            overdue.isTooOld ? ", max-age " : ", timeout ", overdue.timeoutText, overdue.isByType ? " for " : "",
            overdue.isByType ? overdue.type : "", overdue.isTooOld ? ", however lively" : "",
        ])
    }
}
