/// What is left of some changes of a page, as it is written down with the records' parts of them.
struct SagaPlan: Sendable, Equatable {
    /// The versions of the form it is written in: what an earlier one has begun may be finished by this one.
    enum Version: String {
        /// It knew no recoveries.
        case second = "2"
        /// It knew a refund, a queue, keys that go along, and recoveries.
        case third = "3"
        /// It knows effects.
        case current = "4"
    }

    /// The run that made it.
    let run: String
    /// The lease it was made under, and the number of the page.
    let page: String
    /// Its changes.
    var entries: [SagaEntry] = []

    /// The field in our own slot that shows whose events are written, by their places in the page.
    var recorded: String { Self.recordedPrefix + page }

    private static let recordedPrefix = "told/"

    /// Whether a field is such a one.
    static func isRecorded(_ field: String) -> Bool { field.hasPrefix(recordedPrefix) }

    /// The plan as text.
    var text: [UInt8] { Self.text(run: run, page: page, entries) }

    /// The text of a plan with these entries.
    static func text(run: String, page: String, _ entries: some Collection<SagaEntry>) -> [UInt8] {
        var words = WordWriter(capacity: 100 + 400 * entries.count)
        for word in [Version.current.rawValue, run, page] { words.append(word) }
        for entry in entries { entry.write(to: &words) }
        return words.bytes
    }

    /// Makes a plan.
    init(run: String, page: String, entries: [SagaEntry] = []) {
        (self.run, self.page, self.entries) = (run, page, entries)
    }

    /// Reads a plan; nil where the text is none.
    init?(text: String) {
        guard let words = WordList.words(of: text) else { return nil }
        var reader = WordReader(words)
        guard let version = reader.next().flatMap(Version.init), let run = reader.next(), let page = reader.next()
        else { return nil }
        self.init(run: run, page: page)
        while !reader.isAtEnd {
            guard let entry = SagaEntry(&reader, version: version) else { return nil }
            entries.append(entry)
        }
    }
}
