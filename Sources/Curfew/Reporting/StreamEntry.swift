package import RedisClient

/// An entry of one of Curfew's streams.
package struct StreamEntry: Sendable {
    /// The entry's id, which begins with the time it was added in Unix milliseconds.
    package let id: String
    /// Names and values in the order in which they were written.
    package let fields: [(name: String, value: String)]

    /// An entry from its parts.
    package init(id: String, fields: [(name: String, value: String)]) {
        self.id = id
        self.fields = fields
    }

    /// Reads an entry of `XRANGE`, `XREVRANGE` or `XREAD`.
    package init(_ value: RedisValue) {
        id = value.count > 0 ? value[0].string ?? "" : ""
        let texts = value.count > 1 ? value[1].elements.map { $0.string ?? "" } : []
        fields = stride(from: 0, to: texts.count - 1, by: 2).map { (texts[$0], texts[$0 + 1]) }
    }

    /// The value of a field.
    package subscript(_ name: String) -> String? {
        fields.first { $0.name == name }?.value
    }
}
