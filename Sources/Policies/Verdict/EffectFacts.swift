/// What an effect can say of the run that makes it: the words `<run>` and `<cleanup>` of a template.
package struct EffectOrigin: Sendable, Equatable {
    /// The run; empty in a preview.
    package var run: String
    /// The cleanup.
    package var cleanup: String

    /// Makes it.
    package init(run: String = "", cleanup: String = "") {
        self.run = run
        self.cleanup = cleanup
    }
}

/// What the templates of an effect can name: words for the change, and the fields of the record.
///
/// A word comes before a field of the same name.
struct EffectFacts {
    let record: Record
    let now: Timestamp
    /// How the record writes its times.
    let form: TimeForm
    /// What is paid back; nil where nothing is.
    var amount: String?
    let reason: String
    let from: String, to: String
    let origin: EffectOrigin

    /// The words that are no fields, but for those of time.
    private static let words: Set<String> = ["amount", "reason", "from", "to", "run", "cleanup", "key"]

    /// Whether the name of a gap is a word, and not that of a field.
    static func isWord(_ name: String) -> Bool { words.contains(name) || TimeWord.isOne(name) }

    /// Whether it stands for a whole number.
    static func isNumber(_ name: String) -> Bool { name == "amount" || TimeWord.isNumber(name) }

    /// What a gap of that name stands for; nil where the record has nothing there.
    func value(of name: String) -> String? {
        switch name {
        case "amount": amount
        case "reason": reason
        case "from": from
        case "to": to
        case "run": origin.run.isEmpty ? "preview" : origin.run
        case "cleanup": origin.cleanup
        case "key": record.key
        default: TimeWord.text(of: name, at: now, like: form) ?? record[name]
        }
    }
}

extension KeyTemplate {
    /// The fields of the record that it takes, without the words that stand for the change.
    package var effectFields: [String] { fields.filter { !EffectFacts.isWord($0) } }

    /// The words of time that it has and that mean nothing: `<now:never>`.
    package var unknownTimes: [String] {
        fields.filter {
            TimeWord.isOne($0)
                && TimeWord.text(of: $0, at: Timestamp(milliseconds: 0), like: .milliseconds) == nil
        }
    }

    /// The template filled for an effect.
    func fill(_ facts: EffectFacts, as product: Product) throws(RecordError) -> String {
        try fill(id: facts.record.id, as: product, keyed: facts.record.place?.keyed) { facts.value(of: $0) }
    }
}
