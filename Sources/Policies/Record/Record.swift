/// A record as read: only the fields that the policy asked for, and the answers to its questions.
package struct Record: Sendable, Equatable {
    /// What is stored at a record's key.
    package enum Content: Sendable, Equatable {
        /// Nothing: the record is gone, and only the index still names it.
        case missing
        /// A hash.
        case hash(Fields)
        /// A plain string, as many locks are.
        case text(String)
    }

    /// The name under which a plain string's text can be had, as if it were a field.
    package static let valueField = "value"
    /// The name under which templates have the whole text of a record that stands in a registry.
    package static let bodyField = "body"

    /// The id: what `<id>` in templates stands for.
    package var id: String
    /// The key that it is at; of a record that is a member, that of its registry.
    package var key: String
    /// What is stored there.
    package var content: Content
    /// The JSON that ``content`` was read from; nil where the record is no JSON.
    package var document: JSONRecord?
    /// What the policy wanted to know beyond the record; empty until it has asked.
    package var answers: [Question: Answer]
    /// Where it is, if its id alone doesn't say so.
    package var place: Place?

    /// Makes a record, with no answers unless given.
    package init(
        id: String, key: String, content: Content, answers: [Question: Answer] = [:], place: Place? = nil
    ) {
        self.id = id
        self.key = key
        self.content = content
        self.answers = answers
        self.place = place
    }

    /// What it is called in events, recoveries and ledgers.
    package var name: String { place?.name ?? id }

    /// What names it in an index.
    package var member: String { place?.entry ?? id }

    /// What names it among the records of all cleanups: its key, and its name where it shares the key with others.
    package var identity: String {
        guard let place, place.body != .key else { return key }
        return "\(key):\(name)"
    }

    /// The value of a field; nil where it is absent.
    ///
    /// A plain string has the one field `value`. What the gaps of its key hold comes before a field of that name.
    package subscript(_ field: String) -> String? {
        if let place {
            if let fact = place.facts[field] { return fact }
            if field == Record.bodyField { return body }
        }
        return switch content {
        case .missing: nil
        case .hash(let fields): fields[field]
        case .text(let text): field == Record.valueField ? text : nil
        }
    }

    /// The value of a field; nil where it is absent or empty.
    ///
    /// Apps clear a field by writing an empty text as often as by removing it, so both mean the same to every policy.
    package func present(_ field: String) -> String? {
        guard let value = self[field], !value.isEmpty else { return nil }
        return value
    }

    /// The record as it is, where it is a text.
    private var body: String? {
        if let document { return document.text }
        if case .text(let text) = content { return text }
        return nil
    }
}
