extension RetentionPolicy {
    /// Leaves, drops or removes the record, as the description of the type says.
    package func verdict(on record: Record, at now: Timestamp) throws(RecordError) -> Verdict {
        if let verdict = try record.verdictUnlessHash() { return verdict }
        let type = keeps.flatMap { record.present($0.by) } ?? ""
        let ofType = timeoutOverride == nil ? keeps?.byType[type] : nil
        let limit = ofType ?? self.keep
        if let outside = outside(record, keep: timeoutOverride ?? limit.general, at: now) { return outside }
        let keep = try limit.time(of: record, override: timeoutOverride)
        guard let started = try since.timeIfAny(of: record, by: times, at: now) else {
            let soon = now + min(keep, RetentionPolicy.lookAgain)
            return .leave(until: soon, because: "\(record.absence(of: since.times)): it has not ended yet")
        }
        let deadline = started.time.timestamp + keep
        guard now >= deadline else {
            let rest = (deadline - now).roughText
            let reason = "\(started.name) \(started.distance(from: now)), kept for another \(rest)"
            return .leave(until: deadline, because: reason)
        }
        let age = now - started.time.timestamp
        let from = states == nil ? "" : record[status] ?? ""
        let isState: [Guard] = states == nil ? [] : [.field(status, equals: record[status])]
        // Another type may be kept longer, and another field of a key is another key.
        let others = unique(
            [keeps?.by, timeoutOverride == nil ? limit.own?.field : nil].compactMap(\.self) + also.flatMap(\.fields)
        )
        .filter { name in
            name != started.field && (states == nil || name != status)
                && !started.others.contains { $0.field == name }
        }
        .map { Guard.field($0, equals: record[$0]) }
        var keys: [String] = []
        for template in also { keys.append(try template.expand(for: record)) }
        let what = from.isEmpty ? "kept" : "\(from), kept"
        let whose = ofType == nil ? "" : " for \(type)"
        return .change(
            Change(
                action: .remove, from: from, to: "",
                reason: "\(what) for \(age.roughText): \(started.moment), keep \(keep.text)\(whose)", type: type,
                age: age, timeout: keep, guards: isState + started.guards + others,
                effects: [.remove(image: record.image(fields))] + unique(keys).map { .discard($0) }))
    }

    /// What a record's age counts from; nil where it can't be told.
    private func start(of record: Record, at now: Timestamp) -> Timestamp? {
        do {
            return try since.timeIfAny(of: record, by: times, at: now)?.time.timestamp
        } catch {
            return nil
        }
    }

    /// The verdict on a record in a state that isn't looked for; nil for one that is.
    ///
    /// It may come into such a state at any time, but can't be old enough before its time; from then on it is looked
    /// at once a day, or more often where records are kept for less than that.
    private func outside(_ record: Record, keep: Duration, at now: Timestamp) -> Verdict? {
        guard let states else { return nil }
        let status = record.present(self.status)
        if states.contains(status ?? "") { return nil }
        let soon = now + min(self.keep.general, RetentionPolicy.lookAgain)
        // A time that can't be read is no error yet: the record isn't this policy's business now.
        let until = start(of: record, at: now).map { max($0 + keep, soon) } ?? soon
        let found = status.map { "\(self.status) is \($0)" } ?? "it has no \(self.status)"
        return .leave(until: until, because: "\(found), not \(Scope.text(of: states))")
    }
}
