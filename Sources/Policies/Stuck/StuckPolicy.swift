/// Work that was started and never finished: left while someone is at it, completed where it was only never marked,
/// retried while it may be, else failed and refunded.
///
/// A record's age is counted from the later of its heartbeat and what `since` gives. An age equal
/// to the timeout is past it. Past the highest age, counted from `since` alone, no sign of life keeps it.
package struct StuckPolicy: Policy {
    /// Timeouts by the record's type.
    package typealias Timeouts = TimesByType

    /// How often a stuck record gets another try.
    package struct Retry: Sendable, Equatable {
        /// Recoveries within the window, and attempts in all, up to which there is another.
        package var limit: Int
        /// How long a recovery counts.
        package var window: Duration
        /// The status it goes back to; nil where none is written.
        package var to: String?
        /// Where its id is put, so that work is taken up there.
        package var queue: Queue?
        /// The field in which the app counts attempts; nil where it counts none.
        package var attempts: String?

        /// Makes it.
        package init(
            limit: Int, window: Duration = .seconds(72 * 3_600), to: String?, queue: Queue? = nil,
            attempts: String? = "attempts"
        ) {
            self.limit = limit
            self.window = window
            self.to = to
            self.queue = queue
            self.attempts = attempts
        }
    }

    /// The queue that a record's id is put on when it gets another try.
    package struct Queue: Sendable, Equatable {
        /// Its key.
        package var key: KeyTemplate
        /// What it is; nil where that is left to what is found there.
        package var kind: Push.Kind?
        /// The score in a sorted set: a number, a field, or the time.
        package var score: KeyTemplate?
        /// Whether the id goes to the head of a list.
        package var isAtHead: Bool

        /// Makes it.
        package init(key: KeyTemplate, kind: Push.Kind? = nil, score: KeyTemplate? = nil, isAtHead: Bool = false) {
            self.key = key
            self.kind = kind
            self.score = score
            self.isAtHead = isAtHead
        }

        /// The fields that its key and its score take.
        package var fields: [String] { key.fields + (score?.fields.filter { !TimeWord.isOne($0) } ?? []) }
    }

    /// What the fields are called that this policy writes beside the status.
    package struct Writes: Sendable, Equatable {
        /// Why a record failed; nil: nowhere.
        package var error: String?
        /// When it ended; nil: nowhere.
        package var finished: String?
        /// When it was given another try; nil: in a key of Curfew's own.
        package var recoveries: String?

        /// Makes it.
        package init(error: String? = "error", finished: String? = "finishedAt", recoveries: String? = nil) {
            self.error = error
            self.finished = finished
            self.recoveries = recoveries
        }
    }

    /// What is paid back when a record fails.
    package struct RefundRule: Sendable, Equatable {
        /// The field that holds the amount.
        package var amount: String
        /// The balance that it is added to.
        package var balance: KeyTemplate
        /// The field of the hash that the balance is in; nil: it is the number itself.
        package var field: KeyTemplate?
        /// The account of refunds already paid.
        package var ledger: KeyTemplate
        /// Where the application keeps its history, and what is put there.
        package var records: [PutRule]

        /// Makes it.
        package init(
            amount: String, balance: KeyTemplate, field: KeyTemplate? = nil, ledger: KeyTemplate,
            records: [PutRule] = []
        ) {
            self.amount = amount
            self.balance = balance
            self.field = field
            self.ledger = ledger
            self.records = records
        }

        /// The fields that it takes.
        var fields: [String] {
            [amount] + balance.fields + (field?.fields ?? []) + ledger.fields + records.flatMap(\.fields)
        }
    }

    /// ``PolicyKind/stuck``.
    package static let kind = PolicyKind.stuck

    let scope: Scope
    /// What a record's age counts from.
    package let since: Start
    let heartbeat: String?
    /// The rules for records whose type has none of its own.
    let general: Rules
    /// The rules of each type.
    let byType: [String: Rules]
    /// The field that rules go by.
    package let typeField: String?
    /// Whether the type decides over more than the timeout, so that a change rests on it.
    let guardsType: Bool
    /// What shows that somebody works on a record; nil where nobody says so.
    package let liveness: Liveness?
    let completedWhen: String?
    let completedTo: String
    /// How often a stuck record gets another try, unless its type says otherwise; nil: never.
    package var retry: Retry? { general.retry }
    /// The status of a record that failed, unless its type says otherwise; nil where none is written.
    package var to: String? { general.to }
    /// What is paid back when a record fails, unless its type says otherwise; nil: nothing.
    package var refund: RefundRule? { general.refund }
    /// How old a record may become, unless its type says otherwise.
    package var timeout: TimeLimit { general.timeout }
    /// The age past which no sign of life keeps a record, unless its type says otherwise; nil: none.
    package var maxAge: Duration? { general.maxAge }
    /// What the fields are called that are written.
    package let writtenNames: Writes
    /// Everything that is looked at or written, each once.
    package let fields: [String]
    /// Replaces the configured timeout for one run; nil leaves it.
    package var timeoutOverride: Duration?
    /// How the times of its records are read.
    package var times = TimeReading()
    /// Which run makes its changes.
    package var origin = EffectOrigin()

    /// Makes the policy from what the configuration says; the defaults are those of a key left out.
    package init(
        status: String = "status", states: [String], since: Start, heartbeat: String? = nil, timeout: Duration,
        ownTimeout: TimeLimit.Own? = nil, timeouts: Timeouts? = nil, maxAge: Duration? = nil,
        alive: Liveness? = nil, completedWhen: String? = nil,
        completedTo: String = "COMPLETED", retry: Retry? = nil, to: String?, refund: RefundRule? = nil,
        types: Types? = nil, writes: Writes = Writes(), timeoutOverride: Duration? = nil
    ) {
        general = Rules(
            timeout: TimeLimit(timeout, own: ownTimeout), maxAge: maxAge, to: to, retry: retry, refund: refund)
        byType = Self.rules(general, types, timeouts)
        typeField = types?.by ?? timeouts?.by
        guardsType = types != nil
        let rules = [general] + byType.sorted { $0.key < $1.key }.map(\.value)
        scope = Scope(
            field: status, states: states, final: rules.compactMap(\.to) + [completedTo],
            open: rules.compactMap { $0.retry?.to })
        self.since = since
        self.heartbeat = heartbeat
        liveness = alive
        self.completedWhen = completedWhen
        self.completedTo = completedTo
        writtenNames = writes
        self.timeoutOverride = timeoutOverride
        // To stand in a registry can be the state.
        let hasStatus = !states.isEmpty || rules.contains { $0.to != nil || $0.retry?.to != nil }
        var fields =
            (hasStatus ? [status] : []) + since.fields + [heartbeat, typeField, completedWhen].compactMap { $0 }
        fields += alive?.fields ?? []
        fields += rules.flatMap { $0.fields(writes.recoveries) }
        self.fields = unique(fields + [writtenNames.error, writtenNames.finished].compactMap { $0 })
    }

    /// The longest of the general timeout and those by type, or the override.
    package var longestTimeout: Duration {
        timeoutOverride ?? byType.values.map(\.timeout.general).reduce(general.timeout.general, max)
    }

    /// The shortest of the general timeout and those by type, or the override.
    package var shortestTimeout: Duration {
        timeoutOverride ?? byType.values.map(\.timeout.general).reduce(general.timeout.general, min)
    }

    /// Whether a record, or one of some type, says itself how old it may become.
    package var hasOwnTimeouts: Bool { allRules.contains { $0.timeout.own != nil } }

    /// The times of its age, and the heartbeat.
    package var signs: [String] { since.times + [heartbeat].compactMap { $0 } }

    /// The fields of the record that a change may write.
    package var writtenFields: [String] {
        unique(
            [scope.field]
                + [writtenNames.error, writtenNames.finished, writtenNames.recoveries].compactMap { $0 }
                + allRules.compactMap { $0.retry?.attempts })
    }

    /// The states that are looked at.
    package var activeStates: [String]? { scope.states.isEmpty ? nil : scope.states }

}
