extension LocksPolicy {
    /// How old a lock is, and what shows that it is still the same lock.
    private struct Held {
        let since: Timestamp
        /// The field that tells the age; nil where it was seen.
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

    /// Leaves, drops, asks about, or releases the lock, as the description of the type says.
    package func verdict(on record: Record, at now: Timestamp) throws(RecordError) -> Verdict {
        let timeout = longestTimeout
        var held: Held
        switch record.content {
        case .missing: return .drop(because: "the lock is gone", guards: [.recordMissing])
        case .hash where !since.isEmpty: held = try heldHash(record, at: now)
        case .hash where timeout == .zero: held = heldSince(now, [])
        case .hash(let fields):
            switch try sighted(record, as: fields.signature, at: now) {
            case .verdict(let verdict): return verdict
            case .since(let first): held = heldSince(first, fields.names.map { .field($0, equals: fields[$0]) })
            }
            held.before = record.image(fields.names)
        case .text where !since.isEmpty && record.place != nil: held = try heldHash(record, at: now)
        case .text where timeout == .zero: held = heldSince(now, [])
        case .text(let text):
            switch try sighted(record, as: text, at: now) {
            case .verdict(let verdict): return verdict
            case .since(let first): held = heldSince(first, [.text(equals: text)])
            }
            held.before = [FieldWrite(field: Record.valueField, value: text)]
        }
        let deadline = held.since + timeout
        guard now >= deadline else {
            return .leave(until: deadline, because: "\(held.source), times out in \((deadline - now).roughText)")
        }
        let age = now - held.since
        var reason = timeout == .zero ? "held" : "held for \(age.roughText), timeout \(timeout.text)"
        if let liveness {
            switch try state(of: record, by: liveness) {
            case .unknown(let question): return .ask([question])
            case .alive(let key): return .leave(until: nil, because: "\(key) exists: its holder is alive")
            case .gone(let guards, let because):
                held.guards += guards.filter { !held.guards.contains($0) }
                reason += "; \(because)"
            }
        }
        return .change(
            Change(
                action: .release, from: "", to: "", reason: reason, age: age, timeout: timeout, guards: held.guards,
                effects: [.remove(image: held.before)]))
    }

    /// Whether the holder is alive; throws where a plain string can't tell who the holder is.
    private func state(of record: Record, by liveness: Liveness) throws(RecordError) -> Liveness.State {
        guard case .text = record.content, record.place == nil else { return try liveness.state(of: record) }
        if let field = liveness.template.fields.first(where: { $0 != Record.valueField }) {
            throw RecordError("\(record.key) is a plain string: “\(liveness.template)” needs its field \(field)")
        }
        let state = try liveness.state(of: record)
        // A string has no fields to guard, and its whole text is guarded anyway.
        guard case .gone(let guards, let because) = state else { return state }
        let keys = guards.filter { if case .field = $0 { false } else { true } }
        return .gone(guards: keys, because: because)
    }

    private func heldHash(_ record: Record, at now: Timestamp) throws(RecordError) -> Held {
        let started = try record.firstTime(since, by: times, at: now)
        let passed = started.passed.map(\.field)
        let holder = unique(liveness?.template.fields ?? []).filter { $0 != started.field && !passed.contains($0) }
        return Held(
            since: started.time.timestamp, field: started.field,
            guards: started.guards + holder.map { .field($0, equals: record[$0]) },
            before: record.image([started.field] + holder))
    }

    private func heldSince(_ first: Timestamp, _ guards: [Guard]) -> Held {
        Held(since: first, field: nil, guards: guards, before: [])
    }
}
