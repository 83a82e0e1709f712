internal import Policies

extension Section {
    /// `touch` and `carry`: what a cleanup adds to the changes of its policy.
    ///
    /// A field that the policy uses for something else than a time must not be overwritten with one.
    func additions(
        _ kind: (any ConfiguredPolicy.Type)?, _ policy: (any ConfiguredPolicy)?, status: String
    ) -> ChangeAdditions {
        let actions = actionEffects(kind)
        let written = (policy?.writtenFields ?? []) + actions.values.flatMap(\.writtenFields)
        var additions = ChangeAdditions(carry: texts("carry") ?? [], actions: actions)
        guard has("touch") else {
            additions.touch = (kind?.touchedByDefault ?? []).filter { !written.contains($0) }
            additions.touchesOnlyPresent = true
            return additions
        }
        let touch = names("touch")
        if !touch.isEmpty, written.isEmpty, let kind {
            problem("touch", "has no effect: \(kind.kind.rawValue) changes no state of a record")
        }
        if touch.contains(status) {
            problem("touch", "“\(status)” holds the status, expected a field with a time")
        }
        let taken = policy.map { policy in policy.fields.filter { !policy.signs.contains($0) } } ?? []
        for field in touch where field != status && taken.contains(field) {
            problem(
                "touch", "“\(field)” is a field that this policy uses otherwise, expected one that only holds a time")
        }
        additions.touch = touch
        return additions
    }

    /// Names of fields; none for `none`.
    private func names(_ key: String) -> [String] {
        if case .scalar(let scalar)? = entry(key)?.value.content, scalar.text == "none" { return [] }
        return texts(key) ?? []
    }
}
