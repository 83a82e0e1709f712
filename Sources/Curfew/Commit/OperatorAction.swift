/// Something that a person, or a program in its place, had Curfew do.
///
/// Its event names no record, and is therefore none that an undo could put back.
struct OperatorAction: Sendable {
    /// What was done: `run`, `undo`, `pause`, `resume`, `cancel`.
    let action: String
    /// Who did it.
    let by: String
    /// The cleanup.
    let cleanup: String
    /// What else is to be said of it.
    let detail: String

    init(_ action: String, by: String, cleanup: String, detail: String = "") {
        self.action = action
        self.by = by
        self.cleanup = cleanup
        self.detail = detail
    }

    /// The fields of its event, without the run at the beginning and the time at the end.
    var eventFields: [(String, String)] {
        let reason = "\(action) by \(by)" + (detail.isEmpty ? "" : ": \(detail)")
        return [
            ("cleanup", cleanup), ("record", ""), ("key", ""), ("action", action), ("from", ""), ("to", ""),
            ("reason", reason), ("type", ""), ("tokens", "0"), ("bytes", "0"), ("before", "{}"),
        ]
    }
}
