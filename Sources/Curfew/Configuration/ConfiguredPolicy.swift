internal import Policies

/// A policy that can be configured: it knows its keys, and how to read them.
protocol ConfiguredPolicy: Policy {
    /// The keys it takes beside those of every cleanup.
    static var keys: [String] { get }
    /// Reads it; nil where a key has a problem, which is then noted.
    init?(_ section: Section, status: String)
}

extension Section {
    /// The policies that are built in, in the order in which messages list them.
    static let builtInPolicies: [any ConfiguredPolicy.Type] = [
        StuckPolicy.self, CountersPolicy.self, LocksPolicy.self, PausedPolicy.self, DependentPolicy.self,
        RetentionPolicy.self, FilesPolicy.self,
    ]

    /// `states` and `since`, as most policies have them.
    func scope() -> (states: [String], since: [String])? {
        let states = states(isRequired: true)
        let since = texts("since", isRequired: true)
        guard let states, let since else { return nil }
        return (states, since)
    }

    /// The states that a record may be in; an empty text, or `null`, is that of a record without a status.
    func states(isRequired: Bool = false) -> [String]? {
        texts("states", isRequired: isRequired, allowsEmpty: true)
    }

    /// A status to change to, which must be another one than those the policy looks for; required where it has no default.
    func target(_ key: String, default fallback: String? = nil, outside states: [String]?) -> String? {
        let written = text(key, isRequired: fallback == nil, expected: "a status")
        guard let status = written ?? (has(key) ? nil : fallback) else { return nil }
        guard let states, states.contains(status) else { return status }
        let subject = written == nil ? "left out, it is “\(status)”, which" : entry(key)?.value.noun ?? ""
        problem(key, "\(subject) is one of states, so the record would never leave them")
        return nil
    }
}
