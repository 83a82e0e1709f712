/// What a page of changes comes to, written down under the lease before the first of its records is touched.
struct SagaPlan: Sendable, Equatable {
    /// The version of the form it is written in.
    private static let version = "1"

    /// The run that made it.
    let run: String
    /// The number of the page within the run.
    let page: String
    /// Its changes.
    var entries: [SagaEntry] = []

    /// The field it is kept in.
    var field: String { "\(run)/\(page)" }

    /// The field that shows that the event of a change is written.
    func told(_ entry: SagaEntry) -> String { "\(field)/\(entry.place)" }

    /// The plan as text.
    var text: String { WordList.text([Self.version, run, page] + entries.flatMap(\.words)) }

    /// Makes a plan.
    init(run: String, page: String, entries: [SagaEntry] = []) {
        (self.run, self.page, self.entries) = (run, page, entries)
    }

    /// Reads a plan; nil where the text is none.
    init?(text: String) {
        guard let words = WordList.words(of: text) else { return nil }
        var reader = WordReader(words)
        guard reader.next() == Self.version, let run = reader.next(), let page = reader.next() else { return nil }
        self.init(run: run, page: page)
        while !reader.isAtEnd {
            guard let entry = SagaEntry(&reader) else { return nil }
            entries.append(entry)
        }
    }
}
