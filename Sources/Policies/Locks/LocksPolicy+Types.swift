/// What may differ by the type of a lock.
extension LocksPolicy {
    /// The rules for locks by type.
    package struct Types: Sendable, Equatable {
        /// The field that holds the type.
        package var by: String
        /// The rules of each type; others have the general ones.
        package var byType: [String: Rules]

        /// Makes it.
        package init(by: String, byType: [String: Rules]) {
            self.by = by
            self.byType = byType
        }

        /// All timeouts that types have of their own.
        var timeouts: [TimeLimit] { byType.values.compactMap(\.timeout) }

        /// The fields that it takes.
        var fields: [String] { [by] + timeouts.compactMap(\.own?.field).sorted() }
    }

    /// What a type says of its own; what it leaves out is as for all.
    package struct Rules: Sendable, Equatable {
        /// How old its locks may become.
        package var timeout: TimeLimit?
        /// The age past which they go though their holders live.
        package var maxAge: Duration?

        /// Makes it.
        package init(timeout: TimeLimit? = nil, maxAge: Duration? = nil) {
            self.timeout = timeout
            self.maxAge = maxAge
        }
    }

    /// How old this lock may become, and what that rests on.
    struct Limit {
        let timeout: Duration
        let maxAge: Duration?
        /// The fields that decided, and must still say so.
        let fields: [String]
    }

    /// How old a lock may become; throws where it says what can't be.
    func limit(of record: Record) throws(RecordError) -> Limit {
        let own = types.flatMap { types in record.present(types.by).flatMap { types.byType[$0] } }
        let timeout = own?.timeout ?? timeout
        return Limit(
            timeout: try timeout.time(of: record, override: timeoutOverride), maxAge: own?.maxAge ?? maxAge,
            fields: [types?.by, timeoutOverride == nil ? timeout.own?.field : nil].compactMap { $0 })
    }
}
