/// A pause that has lasted longer than it should.
package struct StalePause: Sendable, Equatable {
    /// The status that counts as paused.
    package let status: String
    /// When it began.
    package let since: Timestamp
    /// When the record was marked as stale, and when its owner was warned, in this pause.
    package let markedAt: Timestamp?, warnedAt: Timestamp?
    /// When it is ended.
    package let end: Timestamp
}

extension PausedPolicy {
    /// What it does, in words.
    package var meaning: String { "ends records that have been paused for \(longestTimeout.text)" }

    /// They are.
    package var watchesPauses: Bool { true }

    /// The stale pause that a record is in; nil where it is in none.
    ///
    /// Throws where a time can't be read.
    package func stalePause(of record: Record, at now: Timestamp) throws(RecordError) -> StalePause? {
        guard case .within(let status) = try scope.place(record, lookAgain: now) else { return nil }
        guard !isVetoed(record) else { return nil }
        let start = try since.time(of: record, by: times, at: now).time.timestamp
        guard now - start >= stale else { return nil }
        func mark(_ field: String) throws(RecordError) -> Timestamp? {
            guard let time = try record.time(field, by: times, at: now)?.time.timestamp, time >= start else {
                return nil
            }
            return time
        }
        return StalePause(
            status: status, since: start, markedAt: try mark(marks.stale), warnedAt: try mark(marks.warned),
            end: start + longestTimeout)
    }
}
