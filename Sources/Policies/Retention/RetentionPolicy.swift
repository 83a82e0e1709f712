/// Records that are old enough to go: removed, with the keys that belong to them.
///
/// Final states are what this policy is about, so none of them is dropped: a record in another state than those named
/// is looked at again.
package struct RetentionPolicy: Policy {
    /// ``PolicyKind/retention``.
    package static let kind = PolicyKind.retention

    /// How long at most until a record that is old enough, but in another state, is looked at again.
    static let lookAgain = Duration.seconds(86_400)

    let status: String
    /// The states of records that go; nil: any.
    package let states: [String]?
    /// What a record's age counts from.
    package let since: Start
    let keep: TimeLimit
    let keeps: TimesByType?
    /// The keys that go with a record.
    package let also: [KeyTemplate]
    /// Everything that is looked at, each once.
    package let fields: [String]
    /// Replaces the time for which records are kept, types and all, for one run; nil leaves it.
    package var timeoutOverride: Duration?
    /// How the times of its records are read.
    package var times = TimeReading()

    /// Makes the policy from what the configuration says; the defaults are those of a key left out.
    ///
    /// Without `states` a record may have any status or none.
    package init(
        status: String = "status", states: [String]? = nil, since: Start, keep: Duration,
        ownKeep: TimeLimit.Own? = nil, keeps: TimesByType? = nil, also: [KeyTemplate] = [],
        timeoutOverride: Duration? = nil
    ) {
        self.status = status
        self.states = states
        self.since = since
        self.keep = TimeLimit(keep, own: ownKeep)
        self.keeps = keeps
        self.also = also
        self.timeoutOverride = timeoutOverride
        let named =
            (states == nil ? [] : [status]) + since.fields + [ownKeep?.field].compactMap { $0 } + (keeps?.fields ?? [])
        fields = unique(named + also.flatMap(\.fields))
    }

    /// The longest of the general time and those by type, or the override.
    package var longestTimeout: Duration { timeoutOverride ?? keeps?.longest(beside: keep.general) ?? keep.general }

    /// The shortest time that a record is kept, or the override.
    package var shortestTimeout: Duration { timeoutOverride ?? keeps?.shortest(beside: keep.general) ?? keep.general }

    /// Whether a record, or one of some type, says itself how long it is kept.
    package var hasOwnTimeouts: Bool {
        keep.own != nil || keeps?.byType.values.contains { $0.own != nil } ?? false
    }

    /// None: records are removed as they are.
    package var writtenFields: [String] { [] }

    /// The states that are looked at; nil where any is.
    package var activeStates: [String]? { states }

    /// The field that times to keep go by.
    package var typeField: String? { keeps?.by }
}

/// What it does to keys, and how.
extension RetentionPolicy {
    /// What it does, in words.
    package var meaning: String { "removes records older than \(timeoutWords)" }

    /// They are removed.
    package var removesRecords: Bool { true }

    /// History has waited for days and can wait a little more.
    package var manner: RecordManner { RecordManner(isGentle: true) }

    /// The keys that go with a record.
    package var writes: [KeyUse] { also.map { KeyUse(.companion, $0, []) } }

    /// What it waits for on a record that has ended.
    package var awaitedEnd: AwaitedEnd? { AwaitedEnd(states: states, since: since.times) }
}
