extension DependentPolicy {
    /// What is known of a record's parent.
    private enum Parent {
        /// In one of the states in which it is waited for.
        case alive(because: String)
        /// Gone or ended; the guard says so, and the reason in words.
        case gone(Guard, because: String)
        /// That must be asked first.
        case unknown(Question)
    }

    /// Leaves, drops, asks about or sends back the record, as the description of the type says.
    package func verdict(on record: Record, at now: Timestamp) throws(RecordError) -> Verdict {
        let grace = longestTimeout
        let status: String
        switch try scope.place(record, lookAgain: now + grace) {
        case .outside(let verdict): return verdict
        case .within(let found): status = found
        }
        let started = try since.time(of: record, by: times, at: now)
        let deadline = started.time.timestamp + grace
        guard now >= deadline else {
            let rest = (deadline - now).roughText
            return .leave(
                until: deadline,
                because: "\(started.name) \(started.distance(from: now)), its parent is looked at in \(rest)")
        }
        switch try parent(of: record) {
        case .unknown(let question): return .ask([question])
        case .alive(let because): return .leave(until: now + grace, because: because)
        case .gone(let guardOfParent, let because):
            let age = now - started.time.timestamp
            let own: [Guard] = started.guards(after: scope.isUnchanged(status, in: record))
            // Another parent that is named meanwhile wins.
            let naming = parent.fields.map { Guard.field($0, equals: record[$0]) }.filter { !own.contains($0) }
            return .change(
                Change(
                    action: .reset, from: status, to: to,
                    reason: "\(status) for \(age.roughText): \(started.moment), grace \(grace.text); \(because)",
                    age: age, timeout: grace, guards: own + naming + [guardOfParent],
                    effects: [
                        .write(
                            RecordWrite(
                                [FieldWrite(field: scope.field, value: to)], before: record.image([scope.field])))
                    ],
                    next: scope.isFinal(to) ? nil : now + grace))
        }
    }

    /// Looks the parent up.
    private func parent(of record: Record) throws(RecordError) -> Parent {
        let key = try parent.expand(for: record)
        let question = Question.field(key: key, field: parentStatus)
        switch record.answers[question] {
        case nil: return .unknown(question)
        case .field(exists: false, value: _)?: return .gone(.keyAbsent(key), because: "\(key) is gone")
        case .field(exists: true, let status)?:
            if let status, parentStates.contains(status) { return .alive(because: "\(key) is \(status)") }
            let shown = status.flatMap { $0.isEmpty ? nil : $0 }.map { "is \($0)" } ?? "has no \(parentStatus)"
            return .gone(
                .otherField(key: key, field: parentStatus, equals: status),
                because: "\(key) \(shown), not \(parentStates.joined(separator: " or "))")
        case .unreadable(let why)?: throw RecordError(why)
        case .some: throw RecordError("the \(parentStatus) of \(key) was answered with something else")
        }
    }
}
