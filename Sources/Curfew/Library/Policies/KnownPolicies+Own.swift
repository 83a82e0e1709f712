internal import Policies
internal import RedisClient

extension KnownPolicies {
    /// Those that are built in, and those of the program that reads the configuration.
    ///
    /// One whose name can't be used is left out, and said to be wrong wherever a configuration is read.
    package init(own: [any Policy.Type]) {
        var types = Section.builtInPolicies
        var problems: [String] = []
        for policy in own {
            let made = Self.custom(policy)
            let name = policy.name
            if let problem = Self.problem(with: name) ?? Self.problem(withKeys: policy.keys) {
                problems.append("a policy of this program, \(policy), \(problem)")
            } else if let other = types.first(where: { $0.kind == made.kind }) {
                let whose = Section.builtInPolicies.contains { $0.kind == other.kind } ? "a built-in one" : "another"
                problems.append(
                    "a policy of this program, \(policy), is called “\(name)”, as \(whose) is: expected another name")
            } else {
                types.append(made)
            }
        }
        self.init(types, problems: problems)
    }

    private static func custom<Own: Policy>(_ policy: Own.Type) -> any ConfiguredPolicy.Type {
        CustomPolicy<Own>.self
    }

    private static func problem(with name: String) -> String? {
        guard name.wholeMatch(of: /[a-z][a-z0-9\-]{0,63}/) == nil else { return nil }
        return "is called “\(name.held.shortened(to: 80).readable)”: expected up to 64 lowercase letters, digits and "
            + "“-”, beginning with a letter"
    }

    private static func problem(withKeys keys: [String]) -> String? {
        if let key = keys.first(where: { Cleanup.keys.contains($0.held) }) {
            return "has the key “\(key)”, which every cleanup has: expected another one"
        }
        return keys.contains("") ? "has a key without a name" : nil
    }
}
