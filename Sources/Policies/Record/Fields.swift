/// The fields of a hash, as far as they were asked for.
///
/// The names are shared by all records of a page and the values are searched one by one: for the handful of fields
/// that a policy reads, that is quicker than a dictionary, and it allocates nothing per name. It never changes and is
/// handed on many times, so it is one object.
package final class Fields: Sendable, Equatable {
    /// The value of a field; in an array of optionals each would be let go of by a look at what type it is.
    private struct Value: Equatable {
        let text: String?
    }

    /// The names that were asked for.
    package let names: [String]
    private let contents: [Value]

    /// Pairs names with values, which must be equally many.
    package convenience init(names: [String], values: [String?]) {
        precondition(names.count == values.count, "one value is needed for each name")
        self.init(names: names) { values[$0] }
    }

    /// Asks for the value that belongs to each name, by its place among them.
    package init(names: [String], value: (Int) -> String?) {
        self.names = names
        contents = names.indices.map { Value(text: value($0)) }
    }

    /// The value of each name; nil where the hash has no such field.
    package var values: [String?] { contents.map(\.text) }

    /// The value of that field; nil where it is absent or wasn't asked for.
    package subscript(_ name: String) -> String? {
        // Most names differ in length, and that is quicker to see.
        let length = name.utf8.count
        for index in names.indices where names[index].utf8.count == length && names[index] == name {
            return contents[index].text
        }
        return nil
    }

    /// Whether the same fields were found to hold the same.
    package static func == (one: Fields, other: Fields) -> Bool {
        one.names == other.names && one.contents == other.contents
    }
}
