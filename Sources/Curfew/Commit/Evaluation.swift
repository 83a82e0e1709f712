internal import Policies

/// An entry of an index.
struct DueEntry: Sendable, Equatable {
    /// The record's id.
    let id: String
    /// When it is due, in Unix milliseconds, whatever the unit of the index.
    let score: Double
    /// Its score as Redis writes it, for the guard that nobody has moved the entry.
    let scoreText: String
    /// Where the record is, if its id alone doesn't say so.
    var place: Place?
    /// The key of the record, where the place has told it.
    var key: String?
    /// Why it can't be told where the record is.
    var trouble: RecordError?
}

/// A record with what is to become of it.
struct Evaluation: Sendable {
    /// What a policy decided in the end, its questions answered.
    enum Decision: Sendable {
        case leave(Leave)
        case drop(because: String, guards: [Policies.Guard])
        case change(Change)
        case malformed(RecordError)
    }

    let entry: DueEntry
    let record: Record
    var decision: Decision
}
