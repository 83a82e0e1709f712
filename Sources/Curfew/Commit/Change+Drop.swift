internal import Policies

extension Change {
    /// What the before-image of a dropped entry calls its score.
    static let scoreField = "score"

    /// The change that takes an entry out of the application's index.
    static func drop(_ entry: DueEntry, because reason: String, guards: [Policies.Guard]) -> Change {
        var change = Change(
            action: .drop, from: "", to: "", reason: reason, age: .zero, timeout: .zero, guards: guards,
            before: [FieldWrite(field: scoreField, value: entry.scoreText)])
        change.listed = entry.scoreText
        return change
    }
}

extension Change.Action {
    /// Whether the record is gone where the change is made.
    var removesRecord: Bool { [.release, .remove, .delete].contains(self) }
}
