/// Times by the record's type, in place of a general one.
package struct TimesByType: Sendable, Equatable {
    /// The field that holds the type.
    package var by: String
    /// The time of each type; others have the general one.
    package var byType: [String: TimeLimit]

    /// Makes it.
    package init(by: String, byType: [String: TimeLimit]) {
        self.by = by
        self.byType = byType
    }

    /// Makes it of times that are the same for all records of a type.
    package init(by: String, byType: [String: Duration]) {
        self.init(by: by, byType: byType.mapValues { TimeLimit($0) })
    }

    /// The fields that it takes.
    var fields: [String] { [by] + byType.values.compactMap(\.own?.field).sorted() }

    /// The longest of them and the general one.
    func longest(beside general: Duration) -> Duration {
        byType.values.map(\.general).reduce(general, max)
    }

    /// The shortest of them and the general one.
    func shortest(beside general: Duration) -> Duration {
        byType.values.map(\.general).reduce(general, min)
    }
}
