extension PausedPolicy {
    /// A record in scope, and since when it is paused.
    private struct Pause {
        let record: Record
        let now: Timestamp
        let status: String
        let since: FieldTime
        let times: TimeReading

        var start: Timestamp { since.time.timestamp }
        var age: Duration { now - start }

        /// Whether that mark was set in this pause; throws where it can't be read.
        func hasMark(_ field: String) throws(RecordError) -> Bool {
            guard let mark = try record.time(field, by: times, at: now) else { return false }
            return mark.time.timestamp >= start
        }
    }

    /// Leaves, drops, marks, warns about or ends the record, as the description of the type says.
    package func verdict(on record: Record, at now: Timestamp) throws(RecordError) -> Verdict {
        let timeout = longestTimeout
        let status: String
        switch try scope.place(record, lookAgain: now + min(stale, timeout)) {
        case .outside(let verdict): return verdict
        case .within(let found): status = found
        }
        if isVetoed(record), let veto {
            let again = now + min(stale, timeout)
            return .leave(until: again, because: "\(veto) is “\(record[veto] ?? "")”: it is never ended")
        }
        let pause = Pause(
            record: record, now: now, status: status, since: try since.time(of: record, by: times, at: now),
            times: times)
        if pause.age >= timeout { return .change(end(of: pause)) }
        if pause.age < stale { return leave(pause, until: stale, "stale") }
        let isWarningDue = pause.age >= warn
        if isWarningDue, try pause.hasMark(marks.warned) { return leave(pause, until: timeout, "ended") }
        let isMarked = try pause.hasMark(marks.stale)
        if isWarningDue { return .change(warning(of: pause, isMarked: isMarked)) }
        return isMarked ? leave(pause, until: warn, "warned about") : .change(mark(of: pause))
    }

    /// Whether its owner has forbidden it: the field is there, and not empty, zero or a no.
    func isVetoed(_ record: Record) -> Bool {
        guard let veto, let value = record.present(veto) else { return false }
        if let number = Double(value), number == 0 { return false }
        return !["false", "no", "off", "null", "none", "nil", "[]", "{}"].contains(value.lowercased())
    }

    /// Nothing until a threshold, or until the end where an override puts that first.
    private func leave(_ pause: Pause, until threshold: Duration, _ what: String) -> Verdict {
        let isLast = longestTimeout <= threshold
        let deadline = pause.start + min(threshold, longestTimeout)
        return .leave(
            until: deadline,
            because: "\(pause.since.name) \(pause.since.distance(from: pause.now)), "
                + "\(isLast ? "ended" : what) in \((deadline - pause.now).roughText)")
    }

    private func mark(of pause: Pause) -> Change {
        change(
            .mark, pause, after: stale, marks: [marks.stale], next: pause.start + min(warn, longestTimeout),
            outlook: "stale after \(stale.text)")
    }

    private func warning(of pause: Pause, isMarked: Bool) -> Change {
        let marks = (isMarked ? [] : [marks.stale]) + [marks.warned]
        let end = pause.start + longestTimeout
        return change(
            .warn, pause, after: warn, marks: marks, next: end,
            outlook: "warned about after \(warn.text), will be \(to) in \((end - pause.now).roughText)")
    }

    private func end(of pause: Pause) -> Change {
        change(
            .cancel, pause, to: to, after: longestTimeout, sets: [FieldWrite(field: scope.field, value: to)],
            next: nil, outlook: "timeout \(longestTimeout.text)")
    }

    /// A change that writes now into those marks, guarded by what they held.
    private func change(
        _ action: Change.Action, _ pause: Pause, after timeout: Duration, marks: [String], next: Timestamp?,
        outlook: String
    ) -> Change {
        let now = pause.since.time.text(for: pause.now)
        return change(
            action, pause, to: pause.status, after: timeout, marks: marks,
            sets: marks.map { FieldWrite(field: $0, value: now) }, next: next, outlook: outlook)
    }

    private func change(
        _ action: Change.Action, _ pause: Pause, to: String, after timeout: Duration, marks: [String] = [],
        sets: [FieldWrite], next: Timestamp?, outlook: String
    ) -> Change {
        Change(
            action: action, from: pause.status, to: to,
            reason: "\(pause.status) for \(pause.age.roughText): \(pause.since.moment), \(outlook)", age: pause.age,
            timeout: timeout,
            guards: pause.since.guards(after: scope.isUnchanged(pause.status, in: pause.record))
                + (marks + [veto].compactMap { $0 }).map { .field($0, equals: pause.record[$0]) },
            effects: [.write(RecordWrite(sets, before: pause.record.image([scope.field] + marks)))], next: next)
    }
}
