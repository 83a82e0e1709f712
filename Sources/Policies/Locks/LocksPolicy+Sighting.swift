extension LocksPolicy {
    /// What is known of a lock that doesn't say when it was taken.
    enum Sighted {
        /// It is left, or something must be asked first.
        case verdict(Verdict)
        /// It has been held since then at least.
        case since(Timestamp)
    }

    /// Since when a lock with that value is held, as far as Curfew has seen.
    ///
    /// One that expires by itself is left. One that somebody else touched since the latest look may have been taken anew
    /// with the same value, so it counts from then.
    func sighted(
        _ record: Record, as value: String, timeout: Duration, at now: Timestamp
    ) throws(RecordError) -> Sighted {
        let question = Question.firstSeen(value: value)
        // Of a member of a registry nothing is known but that it stands there.
        let isMember = record.place?.seat != nil
        let needed = isMember ? [question] : (leavesExpiring ? [.expiry] : []) + [.idle, question]
        let unknown = needed.filter { record.answers[$0] == nil }
        guard unknown.isEmpty else { return .verdict(.ask(unknown)) }
        if leavesExpiring, !isMember, let left = try expiry(of: record) {
            // Looked at again before the timeout is over, in case the expiry is taken away.
            let next = max(.seconds(1), min(left, timeout))
            return .verdict(.leave(until: now + next, because: "it expires by itself in \(left.roughText)"))
        }
        let idle = isMember ? nil : try idleSeconds(of: record)
        switch record.answers[question] {
        case .firstSeen(let sighting?)?:
            guard sighting.isTouched(idle: idle, at: now) else { return .since(sighting.first) }
            // Whole seconds: it may have been one less.
            let touched = now - .seconds(max(0, (idle ?? 0) - 1))
            if now - touched >= timeout { return .since(touched) }
            let because = "its key was touched \((now - touched).roughText) ago, maybe taken anew"
            return .verdict(wait(timeout, from: touched, because: because, remembering: value, at: now))
        case .firstSeen(nil)?:
            return .verdict(wait(timeout, from: now, because: "seen for the first time", remembering: value, at: now))
        case .unreadable(let why)?: throw RecordError(why)
        default: throw RecordError("when \(record.key) was first seen was answered with something else")
        }
    }

    /// Nothing until the timeout is over, counted from a time that is remembered.
    private func wait(
        _ timeout: Duration, from start: Timestamp, because: String, remembering value: String, at now: Timestamp
    ) -> Verdict {
        let deadline = max(start + timeout, now)
        return .leave(
            Leave(
                until: deadline, because: "\(because), times out in \((deadline - now).roughText)",
                remember: Sighting.text(first: start, value: value)))
    }

    private func expiry(of record: Record) throws(RecordError) -> Duration? {
        switch record.answers[.expiry] {
        case .expiry(let left)?: return left
        case .unreadable(let why)?: throw RecordError(why)
        default: throw RecordError("when \(record.key) expires was answered with something else")
        }
    }

    private func idleSeconds(of record: Record) throws(RecordError) -> Int64? {
        switch record.answers[.idle] {
        case .idle(let seconds)?: return seconds
        case .unreadable(let why)?: throw RecordError(why)
        default: throw RecordError("how long \(record.key) was idle was answered with something else")
        }
    }
}
