/// The fields of a hash, as far as they were asked for.
///
/// The names are shared by all records of a page and the values are searched one by one: for the handful of fields
/// that a policy reads, that is quicker than a dictionary, and it allocates nothing per name.
package struct Fields: Sendable, Equatable {
    /// The names that were asked for.
    package let names: [String]
    /// The value of each name; nil where the hash has no such field.
    package let values: [String?]

    /// Pairs names with values, which must be equally many.
    package init(names: [String], values: [String?]) {
        precondition(names.count == values.count, "one value is needed for each name")
        self.names = names
        self.values = values
    }

    /// The value of that field; nil where it is absent or wasn't asked for.
    package subscript(_ name: String) -> String? {
        for index in names.indices where names[index] == name { return values[index] }
        return nil
    }
}
