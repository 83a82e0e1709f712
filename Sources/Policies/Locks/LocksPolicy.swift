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
    let timeout: TimeLimit
    /// The timeouts and highest ages of locks by type.
    let types: Types?
    /// The age past which a lock goes though its holder lives; nil: none.
    let maxAge: Duration?
    /// What shows that the holder of a lock lives; nil where nobody says so.
    package let liveness: Liveness?
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
        since: Start = [], timeout: Duration, ownTimeout: TimeLimit.Own? = nil, maxAge: Duration? = nil,
        types: Types? = nil, alive: Liveness? = nil, leavesExpiring: Bool = true, timeoutOverride: Duration? = nil
    ) {
        self.since = since
        self.leavesExpiring = leavesExpiring
        self.timeout = TimeLimit(timeout, own: ownTimeout)
        self.maxAge = maxAge
        self.types = types
        liveness = alive
        self.timeoutOverride = timeoutOverride
        fields = unique(
            since.fields + (alive?.fields ?? []) + [ownTimeout?.field].compactMap { $0 } + (types?.fields ?? []))
    }

    /// The longest of the general timeout and those by type, or the override.
    package var longestTimeout: Duration {
        timeoutOverride ?? types?.timeouts.map(\.general).reduce(timeout.general, max) ?? timeout.general
    }

    /// The shortest of the general timeout and those by type, or the override.
    package var shortestTimeout: Duration {
        timeoutOverride ?? types?.timeouts.map(\.general).reduce(timeout.general, min) ?? timeout.general
    }

    /// Whether a lock, or one of some type, says itself how old it may become.
    package var hasOwnTimeouts: Bool {
        timeout.own != nil || types?.timeouts.contains { $0.own != nil } ?? false
    }

    /// The field that timeouts go by.
    package var typeField: String? { types?.by }

    /// None: locks are removed as they are.
    package var writtenFields: [String] { [] }
}

/// How its records are read, and what it looks at beside them.
extension LocksPolicy {
    /// What it does, in words.
    package var meaning: String { "releases locks older than \(timeoutWords) whose holders are gone" }

    /// They are removed.
    package var removesRecords: Bool { true }

    /// A lock may be a plain string; one without a time of its own is read whole, and its value noted.
    package var manner: RecordManner {
        RecordManner(takesText: true, readsWholeHash: since.isEmpty, notesFirstSeen: true)
    }

    /// The key of whoever holds a lock.
    package var reads: [KeyUse] { (liveness?.use).map { [$0] } ?? [] }
}
