/// What an undo has to find again: where a change put something beside its record.
extension StuckPolicy {
    /// Where a charge of this record is accounted for.
    package struct Charge: Sendable, Equatable {
        /// The key of the balance.
        package var balance: String
        /// The key of the ledger.
        package var ledger: String
        /// What names the charge in the ledger: its name now, and the one that older versions gave it.
        package var entries: [String]
    }

    /// Where the charge of the record stands; nil where nothing is ever refunded.
    package func charge(of record: Record) throws(RecordError) -> Charge? {
        guard let refund else { return nil }
        let started = try record.firstTime(since, by: times, at: nil)
        return Charge(
            balance: try refund.balance.expand(for: record), ledger: try refund.ledger.expand(for: record),
            entries: [record.key, record.id].map { "\($0)@\(started.raw)" })
    }

    /// Where a retry pushes the record's id; nil where it isn't pushed.
    package func queue(of record: Record) throws(RecordError) -> String? {
        try retry?.queue?.key.expand(for: record)
    }
}
