/// A key with gaps: `job:<id>`, `user:{<userId>}:tokens`.
///
/// `<id>` is the record's id and any other `<name>` that field of the record. Braces are literal, so that Redis Cluster
/// hash tags can be written. A literal `<` or `>` can't.
package struct KeyTemplate: Hashable, Sendable, CustomStringConvertible {
    enum Segment: Hashable, Sendable {
        case literal(String)
        case id
        case field(String)
    }

    /// The template as written.
    package let text: String
    /// The fields it takes, apart from the id: each once, in order.
    package let fields: [String]
    let segments: [Segment]

    /// Reads a template; throws where a gap isn't closed, opened or named, saying at which column.
    package init(_ text: String) throws(TemplateError) {
        segments = try KeyTemplate.parse(text)
        var fields: [String] = []
        for case .field(let name) in segments where !fields.contains(name) { fields.append(name) }
        self.text = text
        self.fields = fields
    }

    /// The template as written.
    package var description: String { text }

    /// Whether it is the same key for every record.
    package var isConstant: Bool { fields.isEmpty && !usesID }

    /// Whether the record's id is part of the key.
    package var usesID: Bool { segments.contains(.id) }

    /// The key for an id and the fields that the closure knows.
    ///
    /// Throws where a field is missing or empty: a key with a hole in it would be somebody else's, or everybody's.
    package func expand(id: String, field: (String) -> String?) throws(RecordError) -> String {
        var pieces: [String] = []
        pieces.reserveCapacity(segments.count)
        for segment in segments {
            switch segment {
            case .literal(let literal): pieces.append(literal)
            case .id: pieces.append(id)
            case .field(let name):
                guard let value = field(name), !value.isEmpty else {
                    throw RecordError("\(name) is missing: “\(text)” needs it")
                }
                pieces.append(value)
            }
        }
        return String(pieces: pieces)
    }

    /// The key for a record; throws where a field that it takes is missing or empty.
    package func expand(for record: Record) throws(RecordError) -> String {
        try expand(id: record.id) { record[$0] }
    }

    private static func parse(_ text: String) throws(TemplateError) -> [Segment] {
        guard !text.isEmpty else { throw TemplateError("a key can't be empty", column: 1) }
        var segments: [Segment] = []
        var part = ""
        var opened: Int?
        for (offset, character) in text.enumerated() {
            let column = offset + 1
            switch (character, opened) {
            case ("<", nil):
                if !part.isEmpty { segments.append(.literal(part)) }
                (part, opened) = ("", column)
            case ("<", .some): throw TemplateError("“<” inside a placeholder", column: column)
            case (">", nil): throw TemplateError("“>” without a “<” before it", column: column)
            case (">", let start?):
                guard !part.isEmpty else { throw TemplateError("“<>” names no field", column: start) }
                segments.append(part == "id" ? .id : .field(part))
                (part, opened) = ("", nil)
            default: part.append(character)
            }
        }
        if let opened { throw TemplateError("“<” is never closed", column: opened) }
        if !part.isEmpty { segments.append(.literal(part)) }
        return segments
    }
}

/// What is wrong with a key template, and where.
package struct TemplateError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong.
    package let message: String
    /// The column of the character at fault, counted from 1.
    package let column: Int

    /// Makes the error.
    package init(_ message: String, column: Int) {
        self.message = message
        self.column = column
    }

    /// Both in one line: `“<” is never closed (column 5)`.
    package var description: String { "\(message) (column \(column))" }
}
