/// A mark as it is written down in Curfew's own slot, for whoever must finish what was begun under it.
enum SagaLogEntry {
    /// The version of the form it is written in.
    private static let version = "2"

    /// The fields that name marks, with what they say.
    static func of(_ marks: [SagaMark]) -> [(field: String, text: String)] {
        marks.map { (field(of: $0), WordList.text([version, $0.term, $0.key])) }
    }

    /// The field of a mark.
    static func field(of mark: SagaMark) -> String { "mark/\(mark.term)/\(mark.key)" }

    /// The mark that a note names; nil where the text is none.
    static func read(_ text: String) -> SagaMark? {
        guard let words = WordList.words(of: text), words.count == 3, words[0] == version else { return nil }
        return SagaMark(key: words[2], term: words[1])
    }
}
