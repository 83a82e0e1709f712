internal import Foundation
internal import Policies

/// What an undo believes: an event is only as good as whoever may write to the stream.
///
/// An undo writes what the event says was there before, with all rights that Curfew has. So an event is compared with what
/// its cleanup can have done to that record: the key that its templates make of the record, the fields that its policy
/// writes, the keys that go along with it. The rest that is written (balance, ledger, queue, index) isn't taken from events.
extension UndoEvent {
    /// Throws where no run of the cleanup can have written the event.
    func checkOrigin(in cleanup: Cleanup, _ keys: Keys) throws(RecordError) {
        func disbelieved(_ why: String) -> RecordError {
            RecordError("its event can't be one of \(cleanup.name), and nothing is put back: \(why)")
        }
        guard let known = Change.Action(rawValue: action), known != .undo else {
            throw disbelieved("no change is called \(action)")
        }
        if let source = cleanup.source {
            guard source.mayMake(key), !keys.own(key) else {
                throw disbelieved("it names the key \(key), where none of its records can be")
            }
        } else {
            let expected = try cleanup.records.expand(id: record) { _ in nil }
            guard key == expected, !keys.own(key) else {
                throw disbelieved("it names the key \(key), where that record is at \(expected)")
            }
        }
        let written = Set(cleanup.writtenFields)
        if !isRemoval, !isDrop, let field = before.first(where: { !written.contains($0.field) })?.field {
            throw disbelieved("it says that \(field) was written, which that cleanup doesn't write")
        }
        for original in originals {
            guard written.contains(where: { $0 == original.field || $0.hasPrefix(original.field + ".") }) else {
                throw disbelieved("it says that \(original.field) was written, which that cleanup doesn't write")
            }
            guard original.value.map(Self.isJSON) ?? true else {
                throw disbelieved("what it says of \(original.field) is no JSON")
            }
        }
        // With several gaps, an event doesn't tell them apart.
        let id = cleanup.source == nil ? record : nil
        let companions = cleanup.companions
        for key in also where keys.own(key) || !companions.contains(where: { $0.fits(key, id: id) }) {
            throw disbelieved("it says that \(key) was removed too, which fits nothing that goes with that record")
        }
        let places =
            cleanup.writes.filter { [.refundRecord, .registry].contains($0.role) }.map(\.template)
            + (cleanup.source?.written ?? [])
        for put in puts + takes where keys.own(put.key) || !places.contains(where: { $0.fits(put.key, id: id) }) {
            throw disbelieved(
                "it says that something was put into or taken out of \(put.key), which that cleanup doesn't write to")
        }
        if let trashRun, !Keys.isRun(trashRun, of: cleanup.name) {
            throw disbelieved("it names the trash of \(trashRun), which is no run of that cleanup")
        }
    }

    /// Whether a text is one value of JSON, and not something that would add members to an object.
    private static func isJSON(_ text: String) -> Bool {
        do {
            _ = try JSONSerialization.jsonObject(with: Data(text.utf8), options: .fragmentsAllowed)
            return true
        } catch {
            return false
        }
    }
}
