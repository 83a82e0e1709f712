/// Work that was started and never finished: left while someone is at it, completed where it was only never marked,
/// retried while it may be, else failed and refunded.
///
/// A record's age is counted from the later of its heartbeat and the first present of its `since` fields. An age equal
/// to the timeout is past it.
package struct StuckPolicy: Policy {
    /// Timeouts by the record's type.
    package typealias Timeouts = TimesByType

    /// How often a stuck record gets another try.
    package struct Retry: Sendable, Equatable {
        /// Recoveries within the window, and attempts in all, up to which there is another.
        package var limit: Int
        /// How long a recovery counts.
        package var window: Duration
        /// The status it goes back to.
        package var to: String
        /// The list or stream that its id is pushed on.
        package var queue: KeyTemplate?
        /// The field in which the app counts attempts.
        package var attempts: String

        /// Makes it.
        package init(
            limit: Int, window: Duration = .seconds(72 * 3_600), to: String, queue: KeyTemplate? = nil,
            attempts: String = "attempts"
        ) {
            self.limit = limit
            self.window = window
            self.to = to
            self.queue = queue
            self.attempts = attempts
        }
    }

    /// What is paid back when a record fails.
    package struct RefundRule: Sendable, Equatable {
        /// The field that holds the amount.
        package var amount: String
        /// The balance that it is added to.
        package var balance: KeyTemplate
        /// The account of refunds already paid.
        package var ledger: KeyTemplate

        /// Makes it.
        package init(amount: String, balance: KeyTemplate, ledger: KeyTemplate) {
            self.amount = amount
            self.balance = balance
            self.ledger = ledger
        }
    }

    /// ``PolicyKind/stuck``.
    package static let kind = PolicyKind.stuck

    let scope: Scope
    /// The fields that a record's age counts from: the first that has a time.
    package let since: [String]
    let heartbeat: String?
    let timeout: Duration
    let timeouts: Timeouts?
    let liveness: Liveness?
    let completedWhen: String?
    let completedTo: String
    /// How often a stuck record gets another try; nil: never.
    package let retry: Retry?
    let to: String
    /// What is paid back when a record fails; nil: nothing.
    package let refund: RefundRule?
    /// Everything that is looked at or written, each once.
    package let fields: [String]
    /// Replaces the configured timeout for one run; nil leaves it.
    package var timeoutOverride: Duration?
    /// How the times of its records are read.
    package var times = TimeReading()

    /// Makes the policy from what the configuration says; the defaults are those of a key left out.
    package init(
        status: String = "status", states: [String], since: [String], heartbeat: String? = nil, timeout: Duration,
        timeouts: Timeouts? = nil, alive: KeyTemplate? = nil, completedWhen: String? = nil,
        completedTo: String = "COMPLETED", retry: Retry? = nil, to: String, refund: RefundRule? = nil,
        timeoutOverride: Duration? = nil
    ) {
        scope = Scope(
            field: status, states: states, final: [to, completedTo], open: retry.map { [$0.to] } ?? [])
        self.since = since
        self.heartbeat = heartbeat
        self.timeout = timeout
        self.timeouts = timeouts
        liveness = alive.map { Liveness(template: $0) }
        self.completedWhen = completedWhen
        self.completedTo = completedTo
        self.retry = retry
        self.to = to
        self.refund = refund
        self.timeoutOverride = timeoutOverride
        var fields = [status] + since + [heartbeat, timeouts?.by, completedWhen].compactMap { $0 }
        fields += alive?.fields ?? []
        if let retry { fields += [retry.attempts, RecoveryHistory.field] + (retry.queue?.fields ?? []) }
        if let refund { fields += [refund.amount] + refund.balance.fields + refund.ledger.fields }
        self.fields = unique(fields + [StuckPolicy.errorField, StuckPolicy.finishedField])
    }

    /// The longest of the general timeout and those by type, or the override.
    package var longestTimeout: Duration {
        timeoutOverride ?? timeouts?.longest(beside: timeout) ?? timeout
    }

    /// The states that are looked at.
    package var activeStates: [String]? { scope.states }

    /// The key that exists while somebody works on a record; nil where nobody says so.
    package var alive: KeyTemplate? { liveness?.template }
}
