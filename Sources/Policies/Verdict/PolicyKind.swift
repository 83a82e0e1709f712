/// A kind of policy, by the name that configurations use.
///
/// It is open: a program may add policies of its own.
package struct PolicyKind: RawRepresentable, Hashable, Sendable {
    /// Work that was started and never finished.
    package static let stuck = PolicyKind(rawValue: "stuck")
    /// A group of tasks whose counters don't add up to an end.
    package static let counters = PolicyKind(rawValue: "counters")
    /// Locks whose holders are gone.
    package static let locks = PolicyKind(rawValue: "locks")
    /// What was paused and forgotten.
    package static let paused = PolicyKind(rawValue: "paused")
    /// What waits for a parent that is gone.
    package static let dependent = PolicyKind(rawValue: "dependent")
    /// Records that are old enough to go.
    package static let retention = PolicyKind(rawValue: "retention")
    /// Files without an owner, or deleted by theirs.
    package static let files = PolicyKind(rawValue: "files")

    /// The kinds that are built in.
    package static let builtIn: [PolicyKind] = [.stuck, .counters, .locks, .paused, .dependent, .retention, .files]

    /// The name.
    package let rawValue: String

    /// Makes it.
    package init(rawValue: String) {
        self.rawValue = rawValue
    }
}
