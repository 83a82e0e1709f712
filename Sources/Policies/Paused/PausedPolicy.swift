/// What was paused and forgotten: marked as stale, its owner warned, and ended in the end.
///
/// The marks are times on the record itself, `staleSince` and `warnedAt` unless the file calls them otherwise. A mark
/// belongs to a pause if it isn't older than the `since` time of that pause: what is resumed and paused again is marked
/// and warned about again, though nobody took the old marks away. No `since` field is ever written, so that a mark doesn't
/// make the record young.
///
/// A record that its owner has exempted (`unless`) is neither marked, warned about nor ended.
package struct PausedPolicy: Policy {
    /// ``PolicyKind/paused``.
    package static let kind = PolicyKind.paused

    /// What the marks are called.
    package struct Marks: Sendable, Equatable {
        /// Since when the record counts as stale.
        package var stale: String
        /// When its owner was warned.
        package var warned: String

        /// Makes it.
        package init(stale: String = "staleSince", warned: String = "warnedAt") {
            self.stale = stale
            self.warned = warned
        }
    }

    /// When a record was last changed, as most applications call it: it is set when the record is ended.
    package static let touchedByDefault = ["updatedAt"]

    let scope: Scope
    /// What a record's age counts from.
    package let since: Start
    /// After this time a record is marked as stale.
    package let stale: Duration
    /// After this time its owner is warned.
    package let warn: Duration
    /// After this time it is ended.
    package let timeout: Duration
    /// The status that it is ended with.
    package let to: String
    /// The field that forbids all of it, where it is set on a record; nil: none.
    package let veto: String?
    /// What the marks are called.
    package let marks: Marks
    /// Everything that is looked at or written, each once.
    package let fields: [String]
    /// Replaces the time after which a pause is ended, for one run; nil leaves it.
    ///
    /// The times of the marks stay what they are.
    package var timeoutOverride: Duration?
    /// How the times of its records are read.
    package var times = TimeReading()

    /// Makes the policy from what the configuration says; the defaults are those of a key left out.
    ///
    /// `stale` is at most `warn`, and `warn` at most `timeout`.
    package init(
        status: String = "status", states: [String], since: Start, stale: Duration = .seconds(7 * 86_400),
        warn: Duration = .seconds(23 * 86_400), timeout: Duration = .seconds(30 * 86_400), to: String = "cancelled",
        unless veto: String? = nil, marks: Marks = Marks(), timeoutOverride: Duration? = nil
    ) {
        scope = Scope(field: status, states: states, final: [to])
        self.since = since
        self.stale = stale
        self.warn = warn
        self.timeout = timeout
        self.to = to
        self.veto = veto
        self.marks = marks
        self.timeoutOverride = timeoutOverride
        fields = unique([status] + since.fields + [marks.stale, marks.warned] + [veto].compactMap { $0 })
    }

    /// The timeout, or the override.
    package var longestTimeout: Duration { timeoutOverride ?? timeout }

    /// The fields of the record that a change may write.
    package var writtenFields: [String] { [scope.field, marks.stale, marks.warned] }

    /// What exempts a record.
    package var looseFields: [String] { [veto].compactMap { $0 } }

    /// The states that are looked at.
    package var activeStates: [String]? { scope.states }
}
