/// How often a record was given another try.
///
/// The recoveries are Curfew's own: comma-separated Unix milliseconds, in a key of Curfew's or, where the file names one, in
/// a field of the record. They are counted apart from the app's attempts, which the app may reset, so that a record that
/// kills worker after worker comes to an end.
struct RecoveryHistory: Equatable {
    /// What is known of a record's recoveries.
    enum Found: Equatable {
        case known(RecoveryHistory)
        /// That must be asked first.
        case unknown(Question)
    }

    /// The text as it was read; nil where there is none.
    let text: String?
    /// The recoveries within the window, oldest first as written.
    let recent: [Timestamp]
    /// The app's count of attempts; nil where it keeps none.
    let attempts: Int64?
    /// Why there is no further try, in words; nil where there is one.
    let exhausted: String?

    /// Looks a record's history up; throws where a time or the attempts can't be read.
    ///
    /// - Parameter field: the field of the record that holds it; nil where Curfew keeps it.
    static func find(
        of record: Record, field: String?, retry: StuckPolicy.Retry, at now: Timestamp
    ) throws(RecordError) -> Found {
        if let field {
            return .known(try RecoveryHistory(record[field], in: field, of: record, retry: retry, at: now))
        }
        switch record.answers[.recoveries] {
        case nil: return .unknown(.recoveries)
        case .text(let text)?:
            return .known(
                try RecoveryHistory(text, in: "the note of its recoveries", of: record, retry: retry, at: now))
        case .unreadable(let why)?: throw RecordError(why)
        case .some: throw RecordError("the recoveries of \(record.key) were answered with something else")
        }
    }

    private init(
        _ text: String?, in place: String, of record: Record, retry: StuckPolicy.Retry, at now: Timestamp
    ) throws(RecordError) {
        let recent = try RecoveryHistory.times(text ?? "", in: place).filter { now - $0 < retry.window }
        let attempts: Int64? = if let field = retry.attempts { try record.wholeNumber(field) } else { nil }
        self.text = text
        self.recent = recent
        self.attempts = attempts
        if recent.count >= retry.limit {
            let times = recent.count == 1 ? "1 time" : "\(recent.count) times"
            exhausted = "recovered \(times) in \(retry.window.text)"
        } else if let field = retry.attempts, let attempts, attempts >= retry.limit {
            exhausted = "\(field) is \(attempts), limit \(retry.limit)"
        } else {
            exhausted = nil
        }
    }

    /// What the text becomes with one more recovery; those outside the window go.
    func text(adding now: Timestamp) -> String {
        (recent + [now]).map { String($0.milliseconds) }.joined(separator: ",")
    }

    private static func times(_ raw: String, in place: String) throws(RecordError) -> [Timestamp] {
        guard !raw.isEmpty else { return [] }
        var times: [Timestamp] = []
        for part in raw.split(separator: ",", omittingEmptySubsequences: false) {
            guard let milliseconds = Int64(part), (0...RecordTime.latest).contains(milliseconds) else {
                throw .unreadable(place, raw, "expected Unix milliseconds, separated by commas")
            }
            times.append(Timestamp(milliseconds: milliseconds))
        }
        return times
    }
}
