/// A key with gaps: `job:<id>`, `user:{<userId>}:tokens`.
///
/// `<id>` is the record's id and any other `<name>` that field of the record. Braces are literal, so that Redis Cluster
/// hash tags can be written. A literal `<` or `>` can't.
///
/// The id is part of a key that is there; a field may be whatever a user of the application has typed. So a field fills its
/// gap and no more (``Values``): `42:daily` for `<userId>` would make another key of another kind of `user:<userId>:tokens`.
package struct KeyTemplate: Hashable, Sendable, CustomStringConvertible {
    enum Segment: Hashable, Sendable {
        case literal(String)
        case id
        /// A field, and the character that ends its gap; nil where it is the last, or another gap follows.
        case field(String, end: Unicode.Scalar?)
    }

    /// What the value of a field may hold.
    package enum Values: String, CaseIterable, Sendable {
        /// Anything but braces and the character that ends its gap.
        case plain
        /// Anything at all.
        case any
    }

    /// The template as written.
    package let text: String
    /// The fields it takes, apart from the id: each once, in order.
    package let fields: [String]
    /// What the values of these fields may hold.
    package let values: Values
    let segments: [Segment]
    /// The segments as a key is taken apart by them.
    let parts: [GapMatching.Part]

    /// Reads a template; throws where a gap isn't closed, opened or named, saying at which column.
    package init(_ text: String, values: Values = .plain) throws(TemplateError) {
        segments = try KeyTemplate.parse(text)
        parts = segments.map(GapMatching.Part.init)
        var fields: [String] = []
        for case .field(let name, _) in segments where !fields.contains(name) { fields.append(name) }
        self.text = text
        self.fields = fields
        self.values = values
    }

    /// The template as written.
    package var description: String { text }

    /// Whether it is the same key for every record.
    package var isConstant: Bool { fields.isEmpty && !usesID }

    /// Whether the record's id is part of the key.
    package var usesID: Bool { segments.contains(.id) }

    /// What every key of the template begins with: all before the first gap.
    package var literalStart: String {
        if case .literal(let literal)? = segments.first { literal } else { "" }
    }

    /// Whether a key of it begins with a field.
    package var beginsWithField: Bool {
        if case .field? = segments.first { true } else { false }
    }

    /// The key for an id and the fields that the closure knows.
    ///
    /// Throws where a field is missing or empty, for a key with a hole in it would be somebody else's, or everybody's; and
    /// where its value holds what would make another key of it.
    ///
    /// - Parameter keyed: the fields that are parts of other keys already, and may hold whatever keys do.
    package func expand(
        id: String, keyed: Set<String>? = nil, field: (String) -> String?
    ) throws(RecordError) -> String {
        try fill(id: id, as: .key, keyed: keyed, field: field)
    }

    /// The key for a record; throws where a field that it takes is missing, empty or no value for its gap.
    package func expand(for record: Record) throws(RecordError) -> String {
        try fill(id: record.id, as: .key, keyed: record.place?.keyed) { record[$0] }
    }

    /// The key of an object in storage for a record; throws as ``expand(for:)`` does.
    func object(for record: Record) throws(RecordError) -> String {
        try fill(id: record.id, as: .object) { record[$0] }
    }

    /// What is made with a template.
    enum Product {
        /// A key of Redis.
        case key
        /// The key of an object in storage: only a slash parts its names.
        case object
        /// A text that names nothing.
        case text
    }

    /// The template with its gaps filled.
    ///
    /// - Parameter keyed: the fields that are parts of other keys already, and may hold whatever keys do.
    func fill(
        id: String, as product: Product, keyed: Set<String>? = nil, field: (String) -> String?
    ) throws(RecordError) -> String {
        var pieces: [String] = []
        pieces.reserveCapacity(segments.count)
        for segment in segments {
            switch segment {
            case .literal(let literal): pieces.append(literal)
            case .id: pieces.append(id)
            case .field(let name, let end):
                guard let value = field(name), !value.isEmpty else {
                    throw RecordError("\(name) is missing: “\(text)” needs it")
                }
                // A gap that is all of a template can't make another key of it than is meant.
                let isChecked = values == .plain && segments.count > 1 && keyed?.contains(name) != true
                if isChecked, let found = Self.breakout(in: value, of: product, endingAt: end) {
                    throw .unreadable(name, value, "expected no “\(found)” in what “\(text)” takes, or allow: any")
                }
                pieces.append(value)
            }
        }
        return String(pieces: pieces)
    }

    private static func parse(_ text: String) throws(TemplateError) -> [Segment] {
        guard !text.isEmpty else { throw TemplateError("a key can't be empty", column: 1) }
        var segments: [Segment] = []
        var part = ""
        var opened: Int?
        for (offset, character) in text.unicodeScalars.enumerated() {
            let column = offset + 1
            switch (character, opened) {
            case ("<", nil):
                append(part, to: &segments)
                (part, opened) = ("", column)
            case ("<", .some): throw TemplateError("“<” inside a placeholder", column: column)
            case (">", nil): throw TemplateError("“>” without a “<” before it", column: column)
            case (">", let start?):
                guard !part.isEmpty else { throw TemplateError("“<>” names no field", column: start) }
                segments.append(part == "id" ? .id : .field(part, end: nil))
                (part, opened) = ("", nil)
            default: part.unicodeScalars.append(character)
            }
        }
        if let opened { throw TemplateError("“<” is never closed", column: opened) }
        append(part, to: &segments)
        return segments
    }

    /// Adds a literal part, whose first character ends the gap before it.
    private static func append(_ literal: String, to segments: inout [Segment]) {
        guard let first = literal.unicodeScalars.first else { return }
        if case .field(let name, _)? = segments.last { segments[segments.count - 1] = .field(name, end: first) }
        segments.append(.literal(literal))
    }
}

/// What is wrong with a key template, and where.
package struct TemplateError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong.
    package let message: String
    /// The column of the character at fault, counted from 1: in bytes, as text from outside is held by bytes.
    package let column: Int

    /// Makes the error.
    package init(_ message: String, column: Int) {
        self.message = message
        self.column = column
    }

    /// Both in one line: `“<” is never closed (column 5)`.
    package var description: String { "\(message) (column \(column))" }
}
