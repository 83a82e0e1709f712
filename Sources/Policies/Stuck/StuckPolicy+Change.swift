extension StuckPolicy {
    /// Fields that this policy writes, beside the status and the app's own count of attempts.
    static let errorField = "error"
    static let finishedField = "finishedAt"

    /// It had finished and was only never marked so: nothing is paid back.
    func completion(of overdue: Overdue, because field: String) -> Change {
        change(
            .complete, overdue, to: completedTo, reason: "\(overdue.reason); it had finished: \(field) is there",
            sets: [
                FieldWrite(field: scope.field, value: completedTo),
                FieldWrite(field: StuckPolicy.finishedField, value: overdue.latest.time.text(for: overdue.now)),
            ])
    }

    /// Given up: why goes onto the record, and what it cost is paid back.
    func failure(of overdue: Overdue) throws(RecordError) -> Change {
        change(
            .fail, overdue, to: to, reason: overdue.reason,
            sets: [
                FieldWrite(field: scope.field, value: to),
                FieldWrite(field: StuckPolicy.errorField, value: overdue.error),
                FieldWrite(field: StuckPolicy.finishedField, value: overdue.latest.time.text(for: overdue.now)),
            ],
            refund: try refund(for: overdue))
    }

    /// Another try; the record stays in the index, in case nobody takes it up.
    func recovery(of overdue: Overdue, by retry: Retry, after history: RecoveryHistory) throws(RecordError) -> Change {
        let record = overdue.record
        var change = change(
            .retry, overdue, to: retry.to,
            reason: "\(overdue.reason); recovery \(history.recent.count + 1) of \(retry.limit)",
            sets: [
                FieldWrite(field: scope.field, value: retry.to),
                FieldWrite(field: retry.attempts, value: String((history.attempts ?? 0) + 1)),
                FieldWrite(field: RecoveryHistory.field, value: history.text(adding: overdue.now)),
            ])
        change.guards += [
            .field(retry.attempts, equals: record[retry.attempts]),
            .field(RecoveryHistory.field, equals: record[RecoveryHistory.field]),
        ]
        if let queue = retry.queue { change.push = Push(key: try queue.expand(for: record)) }
        change.next = overdue.now + overdue.timeout
        return change
    }

    private func change(
        _ action: Change.Action, _ overdue: Overdue, to: String, reason: String, sets: [FieldWrite],
        refund: Refund? = nil
    ) -> Change {
        Change(
            action: action, from: overdue.status, to: to, reason: reason, type: overdue.type, age: overdue.age,
            timeout: overdue.timeout, guards: overdue.guards, sets: sets, refund: refund,
            before: sets.map { FieldWrite(field: $0.field, value: overdue.record[$0.field]) })
    }

    /// What is paid back; nil where nothing is to be, or nothing was charged.
    ///
    /// The entry names the charge, not the record: a record that is charged again and stuck again is refunded again,
    /// and a sweep that is repeated isn't.
    private func refund(for overdue: Overdue) throws(RecordError) -> Refund? {
        guard let refund else { return nil }
        let record = overdue.record
        guard let amount = try record.wholeNumber(refund.amount) else {
            throw RecordError("\(refund.amount) is missing: the refund needs it, a whole number, 0 or more")
        }
        guard amount > 0 else { return nil }
        return Refund(
            amount: amount, balance: try refund.balance.expand(for: record),
            ledger: try refund.ledger.expand(for: record), entry: String(pieces: [record.id, "@", overdue.started.raw]))
    }
}
