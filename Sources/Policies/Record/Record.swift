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

    /// The id, as in the index.
    package var id: String
    /// The key that the id stands for.
    package var key: String
    /// What is stored there.
    package var content: Content
    /// The JSON that ``content`` was read from; nil where the record is no JSON.
    package var document: JSONRecord?
    /// What the policy wanted to know beyond the record; empty until it has asked.
    package var answers: [Question: Answer]

    /// Makes a record, with no answers unless given.
    package init(id: String, key: String, content: Content, answers: [Question: Answer] = [:]) {
        self.id = id
        self.key = key
        self.content = content
        self.answers = answers
    }

    /// The value of a field; nil where it is absent.
    ///
    /// A plain string has the one field `value`.
    package subscript(_ field: String) -> String? {
        switch content {
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
}
