extension Keys {
    /// What an undo still has to do for a record whose first part is put back: in the slot of the record.
    static func undoing(_ event: UndoEvent, run: String) -> String {
        name("curfew:undoing:\(run):\(event.at)-\(event.action)", beside: event.key)
    }

    /// Says that a part of an undo is done: in the slot of what it wrote.
    static func undone(_ event: UndoEvent, run: String, beside key: String) -> String {
        name("curfew:undone:\(run):\(Fingerprint.of("\(event.at) \(event.action) \(event.key)"))", beside: key)
    }
}
