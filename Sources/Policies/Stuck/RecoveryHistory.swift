/// How often a record was given another try, as the record itself keeps it.
///
/// The recoveries are Curfew's own, in a field of their own: comma-separated Unix milliseconds. They are counted apart
/// from the app's attempts, which the app may reset, so that a record that kills worker after worker comes to an end.
struct RecoveryHistory: Equatable {
    /// The field of the record.
    static let field = "recoveries"

    /// The recoveries within the window, oldest first as written.
    let recent: [Timestamp]
    /// The app's count of attempts; nil where it keeps none.
    let attempts: Int64?
    /// Why there is no further try, in words; nil where there is one.
    let exhausted: String?

    /// Reads the record's history; throws where a time or the attempts can't be read.
    init(of record: Record, retry: StuckPolicy.Retry, at now: Timestamp) throws(RecordError) {
        let recent = try RecoveryHistory.times(in: record).filter { now - $0 < retry.window }
        let attempts = try record.wholeNumber(retry.attempts)
        self.recent = recent
        self.attempts = attempts
        if recent.count >= retry.limit {
            let times = recent.count == 1 ? "1 time" : "\(recent.count) times"
            exhausted = "recovered \(times) in \(retry.window.text)"
        } else if let attempts, attempts >= retry.limit {
            exhausted = "\(retry.attempts) is \(attempts), limit \(retry.limit)"
        } else {
            exhausted = nil
        }
    }

    /// What the field becomes with one more recovery; those outside the window go.
    func text(adding now: Timestamp) -> String {
        (recent + [now]).map { String($0.milliseconds) }.joined(separator: ",")
    }

    private static func times(in record: Record) throws(RecordError) -> [Timestamp] {
        guard let raw = record.present(field) else { return [] }
        var times: [Timestamp] = []
        for part in raw.split(separator: ",", omittingEmptySubsequences: false) {
            guard let milliseconds = Int64(part), (0...RecordTime.latest).contains(milliseconds) else {
                throw .unreadable(field, raw, "expected Unix milliseconds, separated by commas")
            }
            times.append(Timestamp(milliseconds: milliseconds))
        }
        return times
    }
}
