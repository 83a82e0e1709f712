/// What some policies know beyond verdicts, for those who ask: an undo, statistics, remarks on a configuration.
///
/// Each is optional, and nil or empty by default, so that nobody has to ask which policy it is.
package protocol PolicyFacts {
    /// If charges are paid back: where the charge of this record is accounted for.
    func charge(of record: Record) throws(RecordError) -> Charge?
    /// If a change of that action has put the record's id on a queue: which queue.
    func queue(of record: Record, after action: Change.Action) throws(RecordError) -> String?
    /// Whether a change of that action has noted a recovery in a key of Curfew's own.
    func notesRecovery(_ action: Change.Action) -> Bool
    /// If pauses are watched: the stale pause that the record is in.
    func stalePause(of record: Record, at now: Timestamp) throws(RecordError) -> StalePause?
    /// Whether pauses are watched.
    var watchesPauses: Bool { get }
    /// If records are files: how they are counted.
    var filing: Filing? { get }
    /// How records end that it ends, if it ends any.
    var ending: RecordEnding? { get }
    /// What it waits for on a record that has ended, if it removes such.
    var awaitedEnd: AwaitedEnd? { get }
    /// The field with the type of a record, if times go by type.
    var typeField: String? { get }
}

extension PolicyFacts {
    /// Nil: nothing is paid back.
    package func charge(of record: Record) throws(RecordError) -> Charge? { nil }
    /// Nil: nothing is put on a queue.
    package func queue(of record: Record, after action: Change.Action) throws(RecordError) -> String? { nil }
    /// It hasn't.
    package func notesRecovery(_ action: Change.Action) -> Bool { false }
    /// Nil: pauses aren't watched.
    package func stalePause(of record: Record, at now: Timestamp) throws(RecordError) -> StalePause? { nil }
    /// They aren't.
    package var watchesPauses: Bool { false }
    /// Nil: records aren't files.
    package var filing: Filing? { nil }
    /// Nil: it ends none.
    package var ending: RecordEnding? { nil }
    /// Nil: it removes none for having ended.
    package var awaitedEnd: AwaitedEnd? { nil }
    /// Nil: times don't go by type.
    package var typeField: String? { nil }
}

/// Where the charge of a record is accounted for.
package struct Charge: Sendable, Equatable {
    /// The key of the balance.
    package var balance: String
    /// The field of the hash at that key; nil: the key holds the number itself.
    package var field: String?
    /// The key of the ledger.
    package var ledger: String
    /// What names the charge in the ledger: its name now, and the one that older versions gave it.
    package var entries: [String]

    /// Makes it.
    package init(balance: String, field: String?, ledger: String, entries: [String]) {
        (self.balance, self.field, self.ledger, self.entries) = (balance, field, ledger, entries)
    }
}

/// How records that are files are counted.
package struct Filing: Sendable, Equatable {
    /// The largest size that is believed, 64 TiB: more than any storage takes as one object.
    private static let largest: Int64 = 1 << 46

    /// The field that holds the size in bytes, if one does.
    package let size: String?
    /// The field that says when a file was deleted softly, if one does.
    package let deletedSince: String?
    /// The status of a file whose object is about to be deleted.
    package let claimed: String

    /// The size as far as it can be read: it is only counted, and a file isn't kept for a number.
    package func bytes(of record: Record) -> Int64 {
        guard let raw = size.flatMap({ record.present($0) }), let bytes = Int64(raw) else { return 0 }
        return (0...Self.largest).contains(bytes) ? bytes : 0
    }
}

/// How a policy ends records.
package struct RecordEnding: Sendable, Equatable {
    /// The status that it gives them.
    package let to: String
    /// The fields that it knows.
    package let fields: [String]
    /// The field with the time of the end, if it writes one.
    package let finished: String?
}

/// What a policy waits for on records that have ended.
package struct AwaitedEnd: Sendable, Equatable {
    /// The states that it looks for; nil: any.
    package let states: [String]?
    /// The fields that say since when.
    package let since: [String]
}
