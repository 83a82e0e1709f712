/// The policies that a configuration may name: those that are built in, and those of the program that reads it.
package struct KnownPolicies: Sendable {
    /// Those that are built in.
    package static let builtIn = KnownPolicies(Section.builtInPolicies)

    /// All of them, in the order in which messages list them.
    let types: [any ConfiguredPolicy.Type]
    /// What is wrong with those of the program, whichever file is read.
    let problems: [String]

    /// Makes it of all that there are.
    init(_ types: [any ConfiguredPolicy.Type], problems: [String] = []) {
        self.types = types
        self.problems = problems
    }
}
