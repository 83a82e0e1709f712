extension StuckPolicy {
    /// It had finished and was only never marked so: nothing is paid back.
    func completion(of overdue: Overdue, because field: String) -> Change {
        change(
            .complete, overdue, to: completedTo, reason: "\(overdue.reason); it had finished: \(field) is there",
            sets: [FieldWrite(field: scope.field, value: completedTo)] + finish(of: overdue))
    }

    /// Given up: why goes onto the record, and what it cost is paid back.
    ///
    /// A question where it must be known first what the record of the refund is written over.
    func failure(of overdue: Overdue) throws(RecordError) -> Verdict {
        let refund = try refund(for: overdue)
        let (records, guards, questions) = try records(of: refund, for: overdue)
        let to = overdue.rules.to
        guard questions.isEmpty else { return .ask(questions) }
        var change = change(
            .fail, overdue, to: to ?? overdue.status, reason: overdue.reason,
            sets: (to.map { [FieldWrite(field: scope.field, value: $0)] } ?? [])
                + (writtenNames.error.map { [FieldWrite(field: $0, value: overdue.error)] } ?? [])
                + finish(of: overdue),
            refund: refund, records)
        if !guards.isEmpty { change.guards += guards }
        return .change(change)
    }

    /// Another try; the record stays in the index, in case nobody takes it up.
    func recovery(of overdue: Overdue, by retry: Retry, after history: RecoveryHistory) throws(RecordError) -> Change {
        let record = overdue.record
        var sets = retry.to.map { [FieldWrite(field: scope.field, value: $0)] } ?? []
        if let field = retry.attempts {
            sets.append(FieldWrite(field: field, value: String((history.attempts ?? 0) + 1)))
        }
        if let field = writtenNames.recoveries {
            sets.append(FieldWrite(field: field, value: history.text(adding: overdue.now)))
        }
        var others: [Effect] = []
        if writtenNames.recoveries == nil {
            let text = history.text(adding: overdue.now)
            others.append(.remember(RecoveryNote(before: history.text, after: text, keptFor: retry.window)))
        }
        if let queue = retry.queue { others.append(.put(try push(overdue, on: queue))) }
        var change = change(
            .retry, overdue, to: retry.to ?? overdue.status,
            reason: "\(overdue.reason); recovery \(history.recent.count + 1) of \(retry.limit)", sets: sets, others)
        change.guards += [retry.attempts, writtenNames.recoveries].compactMap { $0 }
            .map { .field($0, equals: record[$0]) }
        change.next = overdue.now + overdue.nextTimeout
        return change
    }

    /// When the record ended, in the form of the time that decided.
    private func finish(of overdue: Overdue) -> [FieldWrite] {
        guard let field = writtenNames.finished else { return [] }
        return [FieldWrite(field: field, value: overdue.latest.time.text(for: overdue.now))]
    }

    private func push(_ overdue: Overdue, on queue: Queue) throws(RecordError) -> Push {
        let record = overdue.record
        var push = Push(key: try queue.key.expand(for: record), kind: queue.kind, isAtHead: queue.isAtHead)
        if let template = queue.score {
            let form = overdue.latest.time.form
            let score = try template.fill(id: record.id, as: .text) { name in
                TimeWord.text(of: name, at: overdue.now, like: form) ?? record[name]
            }
            guard let number = Double(score), number.isFinite, number != 0 || PutRule.isZero(score) else {
                throw RecordError("the score of \(push.key) would be “\(score)”: expected a number that is a score")
            }
            push.score = score
        }
        return push
    }

    private func change(
        _ action: Change.Action, _ overdue: Overdue, to: String, reason: String, sets: [FieldWrite],
        refund: Refund? = nil, _ others: [Effect] = []
    ) -> Change {
        let before = sets.map { FieldWrite(field: $0.field, value: overdue.record[$0.field]) }
        let write = Effect.write(RecordWrite(sets, before: before))
        // Most changes have one or two effects, which are put down at once.
        var effects = refund.map { [.pay($0), write] } ?? [write]
        if !others.isEmpty { effects += others }
        return Change(
            action: action, from: overdue.status, to: to, reason: reason, type: overdue.type, age: overdue.age,
            timeout: overdue.timeout, guards: overdue.guards,
            effects: effects)
    }

    /// What the application's history is told of a refund.
    private func records(
        of paid: Refund?, for overdue: Overdue
    ) throws(RecordError) -> (effects: [Effect], guards: [Guard], questions: [Question]) {
        guard let paid, let rules = overdue.rules.refund?.records, !rules.isEmpty else { return ([], [], []) }
        let facts = EffectFacts(
            record: overdue.record, now: overdue.now, form: overdue.latest.time.form, amount: String(paid.amount),
            reason: overdue.reason, from: overdue.status, to: overdue.rules.to ?? overdue.status,
            origin: origin)
        var effects: [Effect] = []
        var guards: [Guard] = []
        var questions: [Question] = []
        for rule in rules {
            let push = try rule.push(facts, field: paid.entry)
            questions += rule.questions(push, facts)
            guard questions.isEmpty else { continue }
            var (whole, more) = try rule.over(push, facts)
            whole.isOfRefund = true
            effects.append(.put(whole))
            guards += more
        }
        return (effects, guards, questions)
    }

    /// What is paid back; nil where nothing is to be, or nothing was charged.
    ///
    /// The entry names the charge, not the record: a record that is charged again and stuck again is refunded again,
    /// and a sweep that is repeated isn't.
    private func refund(for overdue: Overdue) throws(RecordError) -> Refund? {
        guard let refund = overdue.rules.refund else { return nil }
        let record = overdue.record
        guard let raw = record.present(refund.amount) else {
            throw RecordError("\(refund.amount) is missing: the refund needs it, an amount like 12 or 12.50, 0 or more")
        }
        guard let amount = Amount(text: raw), amount >= 0 else {
            throw .unreadable(refund.amount, raw, Amount.expectation)
        }
        guard amount > 0 else { return nil }
        return Refund(
            amount: amount, balance: try refund.balance.expand(for: record),
            field: try refund.field?.fill(id: record.id, as: .text) { record[$0] },
            ledger: try refund.ledger.expand(for: record),
            entry: String(pieces: [record.identity, "@", overdue.started.raw]))
    }
}
