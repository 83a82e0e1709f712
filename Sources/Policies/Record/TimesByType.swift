/// Times by the record's type, in place of a general one.
package struct TimesByType: Sendable, Equatable {
    /// The field that holds the type.
    package var by: String
    /// The time of each type; others have the general one.
    package var byType: [String: Duration]

    /// Makes it.
    package init(by: String, byType: [String: Duration]) {
        self.by = by
        self.byType = byType
    }

    /// The longest of them and the general one.
    func longest(beside general: Duration) -> Duration {
        byType.values.reduce(general, max)
    }

    /// The shortest of them and the general one.
    func shortest(beside general: Duration) -> Duration {
        byType.values.reduce(general, min)
    }
}
