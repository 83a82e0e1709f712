/// What waits for a parent that is gone, or that has come to an end without it: sent back, so that it can be taken up
/// anew.
///
/// A record younger than the grace period is left without a look at its parent, which may not be there yet. One whose
/// parent is alive is looked at again a grace period later.
package struct DependentPolicy: Policy {
    /// ``PolicyKind/dependent``.
    package static let kind = PolicyKind.dependent

    let scope: Scope
    /// What a record's age counts from.
    package let since: Start
    let grace: Duration
    /// The key of what a record waits for.
    package let parent: KeyTemplate
    let parentStates: [String]
    let parentStatus: String
    let to: String
    /// Everything that is looked at or written, each once.
    package let fields: [String]
    /// Replaces the grace period for one run; nil leaves it.
    package var timeoutOverride: Duration?
    /// How the times of its records are read.
    package var times = TimeReading()

    /// Makes the policy from what the configuration says; the defaults are those of a key left out.
    ///
    /// `parentStatus` is the field of the parent's status; nil: it is called as the record's own.
    package init(
        status: String = "status", states: [String], since: Start, grace: Duration = .seconds(300),
        parent: KeyTemplate, parentStates: [String], parentStatus: String? = nil, to: String,
        timeoutOverride: Duration? = nil
    ) {
        // What is sent back comes again, so its state is no final one unless it is called so.
        scope = Scope(field: status, states: states, final: [])
        self.since = since
        self.grace = grace
        self.parent = parent
        self.parentStates = parentStates
        self.parentStatus = parentStatus ?? status
        self.to = to
        self.timeoutOverride = timeoutOverride
        fields = unique([status] + since.fields + parent.fields)
    }

    /// The grace period, or the override.
    package var longestTimeout: Duration { timeoutOverride ?? grace }

    /// The fields of the record that a change may write.
    package var writtenFields: [String] { [scope.field] }

    /// The states that are looked at.
    package var activeStates: [String]? { scope.states }
}

/// What it looks at beside its records.
extension DependentPolicy {
    /// What it does, in words.
    package var meaning: String { "sends back records whose parent is gone, after \(longestTimeout.text)" }

    /// What a record waits for.
    package var reads: [KeyUse] { [KeyUse(.parent, parent, [["HGET", "a"], ["EXISTS"]], isGuard: true)] }
}
