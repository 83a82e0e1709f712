/// The rule that looks at a record and gives a verdict.
///
/// A policy is a value without dependencies: no clock, no I/O, no randomness. The same record at the same time always
/// gets the same verdict, which is why a dry run is the same code with the commit left out.
package protocol Policy: PolicyFacts, Sendable {
    /// Which of the kinds it is.
    static var kind: PolicyKind { get }

    /// Every field that has to be read, each once: the status, times, what templates take, and what may be overwritten,
    /// for the before-image.
    var fields: [String] { get }

    /// Those of ``fields`` that are only looked at, and may hold anything.
    var looseFields: [String] { get }

    /// The fields of the record that a change may write, each once; none if it only removes records.
    var writtenFields: [String] { get }

    /// Whether its changes take records away: such cleanups are guarded unless the file says otherwise.
    var removesRecords: Bool { get }

    /// What it does, in words, with the longest time that it grants.
    var meaning: String { get }

    /// How its records are read, and how gently they are changed.
    var manner: RecordManner { get }

    /// The keys beside the record that it looks at, each with what is done there.
    var reads: [KeyUse] { get }

    /// The keys beside the record that its changes write to, each with what is done there.
    var writes: [KeyUse] { get }

    /// Replaces the configured timeouts for one run, types and all; nil leaves them.
    var timeoutOverride: Duration? { get set }

    /// What a record's age counts from.
    var since: Start { get }

    /// How the times of its records are read.
    var times: TimeReading { get set }

    /// Which run makes its changes, for effects that say so.
    var origin: EffectOrigin { get set }

    /// The fields that get the time with every change of state where the file doesn't say which, as far as records have
    /// them.
    static var touchedByDefault: [String] { get }

    /// The longest timeout that a record can have, override included.
    var longestTimeout: Duration { get }

    /// The shortest timeout that a record can have, override included: what clocks may differ by is measured by it.
    var shortestTimeout: Duration { get }

    /// Whether a record may say itself how long it may take, so that no configured time is the longest, but for the override.
    var hasOwnTimeouts: Bool { get }

    /// The fields that say when something was last heard of a record: the times of its age, and its heartbeat.
    var signs: [String] { get }

    /// The states in which a record is this policy's business; nil where that is no matter of a status.
    var activeStates: [String]? { get }

    /// Whether its changes are guarded by nothing but what was read, so that a preview needn't ask whether that is so.
    var guardsWhatWasRead: Bool { get }

    /// What should become of the record.
    ///
    /// Throws what is wrong with the record, where it can't be judged. Never guesses: a value that can't be read leaves
    /// the record as it is.
    func verdict(on record: Record, at now: Timestamp) throws(RecordError) -> Verdict
}

extension Policy {
    /// They are.
    package var guardsWhatWasRead: Bool { true }

    /// It does not.
    package var removesRecords: Bool { false }

    /// None.
    package var looseFields: [String] { [] }

    /// None.
    package static var touchedByDefault: [String] { [] }

    /// Nobody asks.
    package var origin: EffectOrigin {
        get { EffectOrigin() }
        set { _ = newValue }
    }

    /// Fields of a hash, at the usual pace.
    package var manner: RecordManner { RecordManner() }

    /// None.
    package var reads: [KeyUse] { [] }

    /// None.
    package var writes: [KeyUse] { [] }

    /// The keys that go with a record that is removed.
    package var companions: [KeyTemplate] { writes.filter { $0.role == .companion }.map(\.template) }

    /// Nil: any record is this policy's business.
    package var activeStates: [String]? { nil }

    /// The only timeout there is, unless there are some by type.
    package var shortestTimeout: Duration { longestTimeout }

    /// None does.
    package var hasOwnTimeouts: Bool { false }

    /// Its timeouts in words: one, or from the shortest to the longest.
    var timeoutWords: String {
        let words =
            shortestTimeout == longestTimeout
            ? longestTimeout.text : "\(shortestTimeout.text) to \(longestTimeout.text), depending on the type"
        return hasOwnTimeouts && timeoutOverride == nil ? "\(words), or what they say themselves" : words
    }

    /// Those of its age.
    package var signs: [String] { since.times }

    /// The last time that was heard of a record, and the field that it is in; nil where none can be told.
    package func lastSign(of record: Record, at now: Timestamp) -> (field: String, time: Timestamp)? {
        var last = writtenStart(of: record, at: now).map { (field: $0.field, time: $0.time.timestamp) }
        for field in signs where !since.fields.contains(field) {
            do {
                guard let found = try record.time(field, by: times, at: now)?.time.timestamp else { continue }
                if last.map({ found > $0.time }) ?? true { last = (field, found) }
            } catch {
                // That it can't be read is said where the record is judged.
                continue
            }
        }
        return last
    }

    /// The time in a record that its age counts from, without delays, and the field that it is in, for remarks; nil where
    /// it can't be told.
    package func writtenStart(of record: Record, at now: Timestamp) -> (field: String, time: RecordTime)? {
        do {
            return try since.written(of: record, by: times, at: now).map { ($0.field, $0.time) }
        } catch {
            return nil
        }
    }
}
