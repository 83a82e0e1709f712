/// A cleanup that is proposed: its lines for the file, what speaks for it, and what is doubtful about it.
struct ProposedCleanup: Sendable {
    /// One line of it.
    struct Line: Sendable {
        var text: String
        /// A comment behind it.
        var note: String?
        /// Whether it is only a suggestion, written as a comment.
        var isOut = false
    }

    /// Its name in the file.
    var name: String
    /// The template of its records.
    let records: String
    let policy: String
    private(set) var lines: [Line] = []
    /// Why it is written as a comment as a whole; nil: it isn't.
    var doubt: String?
    /// The name of a storage that it needs.
    var storage: String?

    /// - Parameter registry: where the records stand, if that is what matters.
    init(_ name: String, _ policy: String, _ shape: ShapeFacts, every: String, in registry: RegistryFacts? = nil) {
        self.name = name
        self.policy = policy
        records = shape.template
        add("policy", policy)
        lines.append(Line(text: "dry-run: true", note: "it changes nothing until this line is removed"))
        add("every", every)
        if let registry {
            add("in", YAMLText.scalar(registry.key))
            if registry.member != "<id>" { add("member", YAMLText.quoted(registry.member)) }
            add("record", YAMLText.scalar(shape.template))
        } else {
            add("records", YAMLText.scalar(shape.template))
        }
        if shape.isJSON { add("format", "json") }
    }

    /// Adds a key with a value as it is written.
    mutating func add(_ key: String, _ value: String, _ note: String? = nil) {
        lines.append(Line(text: "\(key): \(value)", note: note))
    }

    /// Adds a key that is only suggested.
    mutating func suggest(_ key: String, _ value: String, _ note: String? = nil) {
        lines.append(Line(text: "\(key): \(value)", note: note, isOut: true))
    }

    /// The field with the state, where it has another name than the usual one.
    mutating func addStatus(_ status: String) {
        if status != "status" { add("status", YAMLText.scalar(status)) }
    }

    /// Its lines for the file; all of them comments where it is doubtful.
    ///
    /// - Parameter reason: why it is a comment, beside its own doubt.
    func text(out reason: String? = nil) -> String {
        let doubt = reason ?? doubt
        let mark = doubt == nil ? "" : "# "
        var text = doubt.map { "  # In doubt: \($0).\n" } ?? ""
        text += "  \(mark)\(name):\n"
        for line in lines {
            let note = line.note.map { "  # \($0)" } ?? ""
            text += "  \(mark)  \(line.isOut ? "# " : "")\(line.text)\(note)\n"
        }
        return text
    }
}
