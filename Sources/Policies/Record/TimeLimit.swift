/// How old a record may become: the same for all, or what the record itself says.
package struct TimeLimit: Sendable, Equatable {
    /// A time that a record says itself: `{field: timeout, unit: s, default: 5m}`.
    package struct Own: Sendable, Equatable {
        /// The field that holds it.
        package var field: String
        /// What its number counts.
        package var unit: SpanUnit
        /// Whether every record has to say one.
        package var isRequired: Bool

        /// Makes it.
        package init(field: String, unit: SpanUnit, isRequired: Bool = false) {
            self.field = field
            self.unit = unit
            self.isRequired = isRequired
        }
    }

    /// What is reckoned with where every record says its own: for when to look again at what isn't in scope.
    package static let unknown = Duration.seconds(3_600)

    /// The time of records that say none.
    package var general: Duration
    /// What a record says itself; nil: nothing.
    package var own: Own?

    /// Makes it.
    package init(_ general: Duration, own: Own? = nil) {
        self.general = general
        self.own = own
    }

    /// The time of a record; throws where it says one that can't be, or none and has to.
    ///
    /// - Parameter override: replaces it for one run; nil leaves it.
    func time(of record: Record, override: Duration? = nil) throws(RecordError) -> Duration {
        if let override { return override }
        guard let own else { return general }
        guard let time = try record.span(own.field, in: own.unit) else {
            guard !own.isRequired else {
                throw RecordError("\(own.field) is missing: expected a number of \(own.unit.noun)")
            }
            return general
        }
        guard time > .zero else {
            throw .unreadable(own.field, record[own.field] ?? "", "expected more than 0 \(own.unit.noun)")
        }
        return time
    }

    /// The guard that a record still says what it did.
    func guards(of record: Record) -> [Guard] {
        own.map { [.field($0.field, equals: record[$0.field])] } ?? []
    }
}
