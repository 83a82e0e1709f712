/// Locks whose holders are gone: removed when they are older than the timeout and nobody alive holds them.
///
/// A lock that is a hash tells its age by its `since` fields. A lock that is a plain string can't, so its age counts
/// from when Curfew first saw this value; a lock that is taken anew has a new value, and a new age.
package struct LocksPolicy: Policy {
    /// ``PolicyKind/locks``.
    package static let kind = PolicyKind.locks

    let since: [String]
    let timeout: Duration
    let liveness: Liveness?
    /// Everything that is looked at or written, each once.
    package let fields: [String]
    /// Replaces the configured timeout for one run; nil leaves it.
    package var timeoutOverride: Duration?

    /// Makes the policy from what the configuration says; the defaults are those of a key left out.
    ///
    /// In `alive`, `<value>` takes the whole text of a lock that is a plain string.
    package init(
        since: [String] = [], timeout: Duration, alive: KeyTemplate? = nil, timeoutOverride: Duration? = nil
    ) {
        self.since = since
        self.timeout = timeout
        liveness = alive.map { Liveness(template: $0) }
        self.timeoutOverride = timeoutOverride
        fields = unique(since + (alive?.fields ?? []))
    }

    /// The timeout, or the override.
    package var longestTimeout: Duration { timeoutOverride ?? timeout }

    /// The key that exists while the holder of a lock lives; nil where nobody says so.
    package var alive: KeyTemplate? { liveness?.template }
}
