/// What an undo has to find again: where a change put something beside its record.
extension StuckPolicy {
    /// Where the charge of the record stands; nil where nothing is ever refunded.
    package func charge(of record: Record) throws(RecordError) -> Charge? {
        guard let refund = rules(for: type(of: record)).refund else { return nil }
        let started = try since.time(of: record, by: times, at: nil)
        return Charge(
            balance: try refund.balance.expand(for: record),
            field: try refund.field?.fill(id: record.id, as: .text) { record[$0] },
            ledger: try refund.ledger.expand(for: record),
            entries: [record.identity, record.id].map { "\($0)@\(started.raw)" })
    }

    /// Whether a recovery is noted in a key of Curfew's own.
    package func notesRecovery(_ action: Change.Action) -> Bool {
        action == .retry && allRules.contains { $0.retry != nil } && writtenNames.recoveries == nil
    }

    /// Where a retry has pushed the record's id; nil if it hasn't.
    package func queue(of record: Record, after action: Change.Action) throws(RecordError) -> String? {
        action == .retry ? try rules(for: type(of: record)).retry?.queue?.key.expand(for: record) : nil
    }
}

/// What it looks at and writes to beside its records.
extension StuckPolicy {
    /// What it does, in words.
    package var meaning: String { "retries or fails jobs with no sign of life for \(timeoutWords)" }

    /// The key of whoever works on a record.
    package var reads: [KeyUse] { (liveness?.use).map { [$0] } ?? [] }

    /// Ledger and balance of a refund, and the queue of a retry.
    package var writes: [KeyUse] {
        let refunds = allRules.compactMap(\.refund).flatMap(\.uses)
        let uses = refunds + allRules.compactMap { $0.retry?.queue?.use }
        return uses.enumerated().filter { place, use in !uses[..<place].contains(use) }.map(\.element)
    }

    /// How it ends records.
    package var ending: RecordEnding? {
        to.map { RecordEnding(to: $0, fields: fields, finished: writtenNames.finished) }
    }
}

extension StuckPolicy.RefundRule {
    /// What is done to its keys.
    fileprivate var uses: [KeyUse] {
        [
            KeyUse(.ledger, ledger, [["HMGET", "a"], ["HGET", "a"], ["HSETNX", "a", "1"], ["HDEL", "a"]]),
            KeyUse(
                .balance, balance,
                field == nil ? [["INCRBY", "1"], ["TYPE"]] : [["HINCRBY", "a", "1"], ["HGET", "a"], ["TYPE"]]),
        ] + records.map { $0.use(.refundRecord) }
    }
}

extension StuckPolicy.Queue {
    /// What is done there.
    fileprivate var use: KeyUse {
        var commands: [[String]] = [["TYPE"], ["LLEN"]]
        if kind == nil || kind == .list {
            commands += [[isAtHead ? "LPUSH" : "RPUSH", "x"], ["LPOS", "x"], ["LREM", "-1", "x"]]
        }
        if kind == nil || kind == .stream { commands.append(["XADD", "*", "id", "x"]) }
        if kind == .zset || score != nil { commands += [["ZADD", "1", "x"], ["ZSCORE", "x"], ["ZREM", "x"]] }
        return KeyUse(.queue, key, commands)
    }
}
