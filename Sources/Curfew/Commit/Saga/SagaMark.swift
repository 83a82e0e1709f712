/// Shows what a run has made on one node, and what is left of it: a hash of our own in the slot of one of its records,
/// `curfew:pending:<run>:{<record>}`.
///
/// It has a field for each page that is under way there, written in the same step as the records' parts of the changes,
/// though those are in other slots of that node. Each run has a few, one for each node and one more for each that a slot
/// move has put out of use, and all of them are named in Curfew's own slot before they are used.
///
///     absent ─ records' parts are made ─► part of a page ─ everything else is made ─► absent
///     closed ◄─ a later run: nothing is made under this mark any more ─ expires
///     left ◄─ its own run, which ends and can't finish what it holds ─ a later run does ─► absent
///
/// One that a later run closes waits for whoever was frozen under it. Where its own run has left it, nobody is: every call
/// was answered.
///
/// Not a field of the records: one that is removed, is JSON or is a plain string has no place for it, and an application
/// that rewrites its records loses none of it.
struct SagaMark: Hashable, Sendable {
    /// The hash.
    let key: String
    /// The lease that the run has; after a failover another run may have the same name.
    let term: String

    /// What the field of a mark says that its own run has closed.
    static let left = "left"

    /// The field that stops whoever comes too late.
    var closed: String { "\(term)/closed" }

    /// The field of a part of a page, by its number.
    func field(_ number: Int) -> String { "\(term)/\(number)" }

    /// The run of a cleanup that has made the mark; nil where no run of it gives such a name.
    ///
    /// What is written down in Curfew's own slot may be anybody's who can write there. Curfew finishes what it finds under a
    /// mark with all rights that it has, so it only looks at hashes that nobody else may write to.
    func run(of cleanup: String) -> String? {
        let start = "curfew:pending:\(cleanup)-"
        guard key.hasPrefix(start) else { return nil }
        let rest = key.dropFirst(start.count)
        let fence = rest.prefix { $0.isASCII && $0.isNumber }
        guard !fence.isEmpty, rest.dropFirst(fence.count).hasPrefix(":"), term == fence || term.hasPrefix("\(fence) ")
        else { return nil }
        return "\(cleanup)-\(fence)"
    }

    /// Whether a field is one of those.
    func isPart(_ field: String) -> Bool {
        field.hasPrefix(term + "/") && Int(field.dropFirst(term.count + 1)) != nil
    }
}

/// Shows that something is written, in its slot and in the same step: what would not be the same when repeated.
struct SagaOnce: Sendable, Equatable {
    /// How long it is kept at most: longer than any change stays unfinished.
    static let longest: Duration = .seconds(365 * 86_400)

    /// A hash of our own, `curfew:once:<run>:{<key>}`.
    let key: String
    /// The page and the place in it.
    let field: String
}

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
