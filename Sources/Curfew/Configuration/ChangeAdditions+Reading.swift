internal import Policies

extension Section {
    /// `touch` and `carry`: what a cleanup adds to the changes of its policy.
    ///
    /// - Parameter written: the fields that the policy writes.
    func additions(
        _ kind: (any ConfiguredPolicy.Type)?, writes written: [String], status: String
    ) -> ChangeAdditions {
        var additions = ChangeAdditions(carry: texts("carry") ?? [])
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
        additions.touch = touch
        return additions
    }

    /// Names of fields; none for `none`.
    private func names(_ key: String) -> [String] {
        if case .scalar(let scalar)? = entry(key)?.value.content, scalar.text == "none" { return [] }
        return texts(key) ?? []
    }
}
