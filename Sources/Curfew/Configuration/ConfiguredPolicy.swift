internal import Policies

/// A policy that can be configured: its keys and how to read them.
protocol ConfiguredPolicy: Policies.Policy {
    /// The keys of the policy, besides those of every cleanup.
    static var keys: [String] { get }
    /// What its changes amount to, as far as the file can add effects to them.
    static var actions: [Change.Action] { get }
    /// The sections of actions that it reads itself, beside their effects.
    static var sections: [String] { get }
    /// Reads the policy; nil if a key has a problem, which is then reported.
    init?(_ section: Section, status: String)
}

extension ConfiguredPolicy {
    /// Any.
    static var actions: [Change.Action] { Change.Action.allCases }
    /// None.
    static var sections: [String] { [] }
}

extension Section {
    /// Whether the records stand in registries.
    var isInRegistries: Bool { has("in") }

    /// The built-in policies, in the order in which messages list them.
    static let builtInPolicies: [any ConfiguredPolicy.Type] = [
        StuckPolicy.self, CountersPolicy.self, LocksPolicy.self, PausedPolicy.self, DependentPolicy.self,
        RetentionPolicy.self, FilesPolicy.self,
    ]

    /// Reads `states` and `since`, which most policies have.
    func scope() -> (states: [String], since: Start)? {
        // To stand in a registry can be the state.
        let states = has("states") || !isInRegistries ? states(isRequired: true) : []
        let since = start("since", isRequired: true)
        guard let states, let since else { return nil }
        return (states, since)
    }

    /// The states of a record; an empty text or `null` is the state of a record without a status.
    func states(isRequired: Bool = false) -> [String]? {
        if isAny("states") { return [] }
        return texts("states", isRequired: isRequired, allowsEmpty: true)
    }

    /// Whether the value of a key is the word `any`.
    private func isAny(_ key: String) -> Bool {
        if case .scalar(let scalar)? = entry(key)?.value.content { scalar.text == "any" } else { false }
    }

    /// A status to change to, which must not be among the states that the policy looks for; required if there is no
    /// default.
    func target(_ key: String, default fallback: String? = nil, outside states: [String]?) -> String? {
        let written = text(key, isRequired: fallback == nil, expected: "a status")
        guard let status = written ?? (has(key) ? nil : fallback) else { return nil }
        guard let states, states.contains(status) else { return status }
        let subject = written == nil ? "omitted, it is “\(status)”, which" : entry(key)?.value.noun ?? ""
        problem(key, "\(subject) is one of states, so the record would never leave them")
        return nil
    }
}
