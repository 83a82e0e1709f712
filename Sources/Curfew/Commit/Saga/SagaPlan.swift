/// What is left of some changes of a page, as it is written down with the records' parts of them.
struct SagaPlan: Sendable, Equatable {
    /// The version of the form it is written in.
    private static let version = "3"
    /// The one before, which knew no recoveries: what it has begun may be finished by this one.
    private static let earlier = "2"

    /// The run that made it.
    let run: String
    /// The lease it was made under, and the number of the page.
    let page: String
    /// Its changes.
    var entries: [SagaEntry] = []

    /// The field in our own slot that shows whose events are written, by their places in the page.
    var told: String { Self.toldPrefix + page }

    private static let toldPrefix = "told/"

    /// Whether a field is such a one.
    static func isTold(_ field: String) -> Bool { field.hasPrefix(toldPrefix) }

    /// The plan as text.
    var text: [UInt8] { Self.text(run: run, page: page, entries) }

    /// The text of a plan with these entries.
    static func text(run: String, page: String, _ entries: some Collection<SagaEntry>) -> [UInt8] {
        var words = WordWriter(capacity: 100 + 400 * entries.count)
        for word in [version, run, page] { words.append(word) }
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
        let version = reader.next()
        guard version == Self.version || version == Self.earlier, let run = reader.next(), let page = reader.next()
        else { return nil }
        self.init(run: run, page: page)
        while !reader.isAtEnd {
            guard let entry = SagaEntry(&reader, hasRecoveries: version == Self.version) else { return nil }
            entries.append(entry)
        }
    }
}
