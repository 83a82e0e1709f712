/// What may differ by the type of a record.
extension StuckPolicy {
    /// The rules for records by type.
    package struct Types: Sendable {
        /// The field that holds the type.
        package var by: String
        /// The rules of each type; others have the general ones.
        package var byType: [String: TypeRules]

        /// Makes it.
        package init(by: String, byType: [String: TypeRules]) {
            self.by = by
            self.byType = byType
        }
    }

    /// What a type says of its own; what it leaves out is as for all.
    package struct TypeRules: Sendable, Equatable {
        /// A rule that a type has of its own, or does without.
        package enum Own<Rule: Sendable & Equatable>: Sendable, Equatable {
            /// As for all.
            case general
            /// None.
            case none
            /// Another.
            case rule(Rule)

            func replacing(_ general: Rule?) -> Rule? {
                switch self {
                case .general: general
                case .none: nil
                case .rule(let rule): rule
                }
            }
        }

        /// How old its records may become; nil: as for all.
        package var timeout: TimeLimit?
        /// The age past which nothing keeps them.
        package var maxAge: Own<Duration>
        /// The status of those that failed; nil: as for all.
        package var to: String?
        /// Further tries.
        package var retry: Own<Retry>
        /// What is paid back.
        package var refund: Own<RefundRule>

        /// Makes it, with nothing of its own unless told.
        package init(
            timeout: TimeLimit? = nil, maxAge: Own<Duration> = .general, to: String? = nil,
            retry: Own<Retry> = .general, refund: Own<RefundRule> = .general
        ) {
            self.timeout = timeout
            self.maxAge = maxAge
            self.to = to
            self.retry = retry
            self.refund = refund
        }
    }

    /// The rules that a record is judged by.
    ///
    /// It is one object, since it is handed on for every record.
    final class Rules: Sendable {
        let timeout: TimeLimit
        let maxAge: Duration?
        let to: String?
        let retry: Retry?
        let refund: RefundRule?
        /// Whether the timeout is that of a type.
        let isTimeoutByType: Bool

        init(
            timeout: TimeLimit, maxAge: Duration?, to: String?, retry: Retry?, refund: RefundRule?,
            isTimeoutByType: Bool = false
        ) {
            self.timeout = timeout
            self.maxAge = maxAge
            self.to = to
            self.retry = retry
            self.refund = refund
            self.isTimeoutByType = isTimeoutByType
        }

        /// The rules of a type.
        func with(_ own: TypeRules) -> Rules {
            Rules(
                timeout: own.timeout ?? timeout, maxAge: own.maxAge.replacing(maxAge), to: own.to ?? to,
                retry: own.retry.replacing(retry), refund: own.refund.replacing(refund),
                isTimeoutByType: own.timeout != nil)
        }

        /// The fields that it takes.
        ///
        /// - Parameter recoveries: the field of the record that holds its recoveries; nil where Curfew keeps them.
        func fields(_ recoveries: String?) -> [String] {
            [timeout.own?.field].compactMap { $0 }
                + (retry.map { [$0.attempts, recoveries].compactMap { $0 } + ($0.queue?.fields ?? []) } ?? [])
                + (refund?.fields ?? [])
        }
    }

    /// All rules that there are, those for all first.
    var allRules: [Rules] { [general] + byType.sorted { $0.key < $1.key }.map(\.value) }

    /// The type of a record; empty where types don't matter.
    func type(of record: Record) -> String {
        guard let typeField else { return "" }
        return record.present(typeField) ?? ""
    }

    /// The rules for records of a type.
    func rules(for type: String) -> Rules {
        byType.isEmpty ? general : byType[type] ?? general
    }

    /// The rules of each type: those of `types`, with the timeouts of `timeouts` where these say none.
    static func rules(_ general: Rules, _ types: Types?, _ timeouts: Timeouts?) -> [String: Rules] {
        var own = types?.byType ?? [:]
        for (type, timeout) in timeouts?.byType ?? [:] where own[type]?.timeout == nil {
            own[type, default: TypeRules()].timeout = timeout
        }
        return own.mapValues { general.with($0) }
    }
}
