/// Something that a person, or a program in its place, had Curfew do.
///
/// Its event names no record, and is therefore none that an undo could put back.
struct OperatorAction: Sendable {
    /// What can be done.
    static let names = ["run", "undo", "pause", "resume", "cancel", "forget", "end-sessions"]

    /// What was done: one of ``names``.
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

    /// Its event: in a run, where it is about one.
    func event(run: String = "", at time: String = "") -> Event {
        var event = Event()
        (event.run, event.cleanup, event.action, event.time) = (run, cleanup, action, time)
        event.reason = "\(action) by \(by)" + (detail.isEmpty ? "" : ": \(detail)")
        return event
    }
}
