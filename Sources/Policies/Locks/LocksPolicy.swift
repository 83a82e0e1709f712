/// Locks whose holders are gone: removed when they are older than the timeout and nobody alive holds them.
///
/// A lock that is a hash may tell its age by its `since` fields. Any other can't, so its age counts from when Curfew first
/// saw this value, or from when the key was last touched by somebody else. One that expires by itself needs nobody, and
/// one whose expiry is put off again and again has a holder who lives; so it is left, unless configured otherwise.
package struct LocksPolicy: Policy {
    /// ``PolicyKind/locks``.
    package static let kind = PolicyKind.locks

    /// What says when a lock was taken; empty where nothing does.
    package let since: Start
    /// Whether a lock without such a field that expires by itself is left alone.
    package let leavesExpiring: Bool
    let timeout: Duration
    let liveness: Liveness?
    /// Everything that is looked at or written, each once.
    package let fields: [String]
    /// Replaces the configured timeout for one run; nil leaves it.
    package var timeoutOverride: Duration?
    /// How the times of its records are read.
    package var times = TimeReading()

    /// Makes the policy from what the configuration says; the defaults are those of a key left out.
    ///
    /// In `alive`, `<value>` takes the whole text of a lock that is a plain string.
    package init(
        since: Start = [], timeout: Duration, alive: KeyTemplate? = nil, leavesExpiring: Bool = true,
        timeoutOverride: Duration? = nil
    ) {
        self.since = since
        self.leavesExpiring = leavesExpiring
        self.timeout = timeout
        liveness = alive.map { Liveness(template: $0) }
        self.timeoutOverride = timeoutOverride
        fields = unique(since.fields + (alive?.fields ?? []))
    }

    /// The timeout, or the override.
    package var longestTimeout: Duration { timeoutOverride ?? timeout }

    /// None: locks are removed as they are.
    package var writtenFields: [String] { [] }

    /// The key that exists while the holder of a lock lives; nil where nobody says so.
    package var alive: KeyTemplate? { liveness?.template }
}

/// How its records are read, and what it looks at beside them.
extension LocksPolicy {
    /// What it does, in words.
    package var meaning: String { "releases locks older than \(longestTimeout.text) whose holders are gone" }

    /// They are removed.
    package static var removesRecords: Bool { true }

    /// A lock may be a plain string; one without a time of its own is read whole, and its value noted.
    package var manner: RecordManner {
        RecordManner(takesText: true, readsWholeHash: since.isEmpty, notesFirstSeen: true)
    }

    /// The key of whoever holds a lock.
    package var reads: [KeyUse] { (liveness?.use).map { [$0] } ?? [] }
}
