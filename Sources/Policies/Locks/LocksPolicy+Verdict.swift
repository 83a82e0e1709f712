extension LocksPolicy {
    /// How old a lock is, and what shows that it is still the same lock.
    private struct Held {
        let since: Timestamp
        /// What tells the age; nil where it was seen.
        let field: String?
        /// Fields, or the whole text, that must be as they were read.
        var guards: [Guard]
        var before: [FieldWrite]

        /// What tells the age, in words.
        var source: String {
            let time = TimeForm.iso8601(TimeForm.ISO8601()).text(for: since)
            return field.map { "\($0) was \(time)" } ?? "first seen \(time)"
        }
    }

    /// What is known of how long a lock has been held.
    private enum Finding {
        /// It is left, or something must be asked first.
        case verdict(Verdict)
        case held(Held)
    }

    /// Leaves, drops, asks about, or releases the lock, as the description of the type says.
    package func verdict(on record: Record, at now: Timestamp) throws(RecordError) -> Verdict {
        if case .missing = record.content { return .drop(because: "the lock is gone", guards: [.recordMissing]) }
        let limit = try limit(of: record)
        let timeout = limit.timeout
        var held: Held
        switch try self.held(record, limit, at: now) {
        case .verdict(let verdict): return verdict
        case .held(let found): held = found
        }
        let oldest = held.field == nil ? nil : limit.maxAge.map { held.since + $0 }
        let isTooOld = oldest.map { now >= $0 } ?? false
        let deadline = min(held.since + timeout, oldest ?? Timestamp(milliseconds: .max))
        guard now >= deadline else {
            return .leave(until: deadline, because: "\(held.source), times out in \((deadline - now).roughText)")
        }
        let age = now - held.since
        let passed = isTooOld ? limit.maxAge ?? timeout : timeout
        var reason =
            timeout == .zero && !isTooOld
            ? "held" : "held for \(age.roughText), \(isTooOld ? "max-age" : "timeout") \(passed.text)"
        if isTooOld { reason += ", whoever is alive" }
        if let liveness, !isTooOld {
            switch try state(of: record, by: liveness, at: now) {
            case .unknown(let questions): return .ask(questions)
            case .alive(let because): return .leave(until: nil, because: "\(because): its holder is alive")
            case .gone(let guards, let because):
                held.guards += guards.filter { !held.guards.contains($0) }
                reason += "; \(because)"
            }
        }
        return .change(
            Change(
                action: .release, from: "", to: "", reason: reason, type: types.flatMap { record.present($0.by) } ?? "",
                age: age,
                timeout: passed, guards: held.guards,
                effects: [.remove(image: held.before)]))
    }

    /// Whether the holder is alive; throws where a plain string can't tell who the holder is.
    private func state(
        of record: Record, by liveness: Liveness, at now: Timestamp
    ) throws(RecordError) -> Liveness.State {
        guard case .text = record.content, record.place == nil else {
            return try liveness.state(of: record, by: times, at: now)
        }
        if let field = liveness.fields.first(where: { $0 != Record.valueField }) {
            throw RecordError("\(record.key) is a plain string: “\(liveness.template)” needs its field \(field)")
        }
        let state = try liveness.state(of: record, by: times, at: now)
        // A string has no fields to guard, and its whole text is guarded anyway.
        guard case .gone(let guards, let because) = state else { return state }
        let keys = guards.filter { if case .field = $0 { false } else { true } }
        return .gone(guards: keys, because: because)
    }

    /// Since when the lock is held, and what that rests on.
    private func held(_ record: Record, _ limit: Limit, at now: Timestamp) throws(RecordError) -> Finding {
        var held: Held
        switch record.content {
        case .missing: return .verdict(.drop(because: "the lock is gone", guards: [.recordMissing]))
        case .hash where !since.isEmpty: held = try heldHash(record, at: now)
        case .hash where limit.timeout == .zero: held = heldSince(now, [])
        case .hash(let fields):
            switch try sighted(record, as: fields.signature, timeout: limit.timeout, at: now) {
            case .verdict(let verdict): return .verdict(verdict)
            case .since(let first): held = heldSince(first, fields.names.map { .field($0, equals: fields[$0]) })
            }
            held.before = record.image(fields.names)
        case .text where !since.isEmpty && record.place != nil: held = try heldHash(record, at: now)
        case .text where limit.timeout == .zero: held = heldSince(now, [])
        case .text(let text):
            switch try sighted(record, as: text, timeout: limit.timeout, at: now) {
            case .verdict(let verdict): return .verdict(verdict)
            case .since(let first): held = heldSince(first, [.text(equals: text)])
            }
            held.before = [FieldWrite(field: Record.valueField, value: text)]
        }
        // The whole text of a string is guarded anyway.
        if case .hash = record.content {
            let others = limit.fields.map { Guard.field($0, equals: record[$0]) }
            held.guards += others.filter { !held.guards.contains($0) }
        }
        return .held(held)
    }

    private func heldHash(_ record: Record, at now: Timestamp) throws(RecordError) -> Held {
        let started = try since.time(of: record, by: times, at: now)
        let others = started.others.map(\.field)
        let holder = unique(liveness?.fields ?? []).filter { $0 != started.field && !others.contains($0) }
        return Held(
            since: started.time.timestamp, field: started.name,
            guards: started.guards + holder.map { .field($0, equals: record[$0]) },
            before: record.image([started.field] + started.delays + holder))
    }

    private func heldSince(_ first: Timestamp, _ guards: [Guard]) -> Held {
        Held(since: first, field: nil, guards: guards, before: [])
    }
}
