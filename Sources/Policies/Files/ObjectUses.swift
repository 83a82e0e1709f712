/// How many users an object has, where an application shares objects among records: an object goes only with its last.
package enum ObjectUses: Sendable, Equatable {
    /// A field of the record, a whole number.
    case field(String)
    /// A key: a text with a whole number, or a list, set, sorted set, hash or stream whose size counts.
    case key(KeyTemplate)

    /// The most uses with which an object is deleted: that of the record itself.
    package static let most: Int64 = 1

    /// The fields of the record that it takes.
    var fields: [String] {
        switch self {
        case .field(let field): [field]
        case .key(let template): template.fields
        }
    }

    /// The key that is counted for a record; nil where a field counts.
    package func key(for record: Record) throws(RecordError) -> String? {
        guard case .key(let template) = self else { return nil }
        return try template.expand(for: record)
    }

    /// What was counted.
    enum Count: Equatable {
        case known(Int64, name: String, guards: [Guard])
        case asked(Question)
    }

    /// The count of a record's object, or what has to be asked first.
    func count(for record: Record) throws(RecordError) -> Count {
        switch self {
        case .field(let field):
            let raw = record[field]
            guard let text = raw, !text.isEmpty else {
                return .known(0, name: field, guards: [.field(field, equals: raw)])
            }
            guard let count = Int64(text), count >= 0 else {
                throw .unreadable(field, text, "expected how many use the object, a whole number; nothing was deleted")
            }
            return .known(count, name: field, guards: [.field(field, equals: raw)])
        case .key(let template):
            let key = try template.expand(for: record)
            switch record.answers[.count(key: key)] {
            case nil: return .asked(.count(key: key))
            case .count(let count)?:
                return .known(count, name: key, guards: [.atMost(key: key, Self.most)])
            case .unreadable(let why)?: throw RecordError("\(why); nothing was deleted")
            case .some: throw RecordError("the count at \(key) was answered with something else; nothing was deleted")
            }
        }
    }
}
