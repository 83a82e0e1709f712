internal import Policies

extension DependentPolicy: ConfiguredPolicy {
    static let actions: [Change.Action] = [.reset]
    static let keys = ["states", "since", "grace", "parent", "parent-states", "parent-status", "to"]

    init?(_ section: Section, status: String) {
        let scope = section.scope()
        let grace = section.duration("grace")
        let parent = section.template("parent", isRequired: true)
        let parentStates = section.texts("parent-states", isRequired: true)
        let parentStatus = section.text("parent-status", expected: "the name of a field")
        let to = section.target("to", outside: scope?.states)
        if let parent, !parent.usesID, parent.fields.isEmpty {
            section.problem(
                "parent",
                "\(section.quoted(parent.text, of: "parent")) is one key for all records, expected one like job:<jobId>"
            )
        }
        guard let scope, let parent, let parentStates, let to else { return nil }
        self.init(
            status: status, states: scope.states, since: scope.since, grace: grace ?? .seconds(300), parent: parent,
            parentStates: parentStates, parentStatus: parentStatus, to: to)
    }
}
