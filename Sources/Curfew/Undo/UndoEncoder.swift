internal import Policies

/// Turns an event into the change that undoes it.
struct UndoEncoder {
    let undo: Undo
    let claim: Claim
    let journal: Journal
    let time: Timestamp

    /// The change: what must still be so, then the refund taken back, the record as it was, the event and the index.
    ///
    /// Throws where the record is seen not to be as the run left it before anything is sent.
    func change(_ event: UndoEvent, _ found: UndoReader.Found) throws(RecordError) -> PlainChange {
        var change = PlainChange(member: event.record)
        if event.isRemoval {
            addReturn(of: event, found, to: &change)
        } else if !event.isDrop {
            if let payment = found.payment { addReversal(of: payment, event.tokens, to: &change) }
            if undo.cleanup.format == .json {
                try addDocument(of: event, found, to: &change)
            } else {
                addFields(of: event, to: &change)
            }
            if let note = found.note { addNote(note, to: &change) }
            if let queue = found.queue { addRecall(of: event.record, from: queue, to: &change) }
        }
        // Not trimmed: the oldest events, which would go, may be those that are still to be undone.
        change.add(note(of: event), to: journal.untrimmed)
        if event.isDrop {
            guard let score = event.score else { throw RecordError("its event doesn't say the score it had") }
            change.write("ZADD", .shared(.index), [.constant("NX"), .value(score), .value(event.record)])
        } else {
            // Due as it was when the run came by; an entry that the app has put earlier stays.
            let due = undo.cleanup.indexUnit.score(of: Timestamp(milliseconds: Int64(event.at) ?? 0))
            change.write("ZADD", .shared(.index), [.constant("LT"), .value(due), .value(event.record)])
        }
        return change
    }

    /// The event of the undo.
    private func note(of event: UndoEvent) -> Event {
        var note = Event()
        (note.run, note.cleanup, note.record, note.key) = (claim.run, claim.cleanup, event.record, event.key)
        (note.action, note.from, note.to) = (Undo.action, event.to, event.from)
        (note.reason, note.type, note.tokens) = (undo.reason(of: event), event.type, -event.tokens)
        if !event.isRemoval { note.before = BeforeImage.text(event.after, after: event.before) }
        note.time = String(time.milliseconds)
        return note
    }

    /// The second entry of the ledger comes first, as in a refund: where it is there already, nothing is written.
    private func addReversal(of payment: UndoReader.Payment, _ tokens: Int64, to change: inout PlainChange) {
        change.checks.append(
            .init(
                check: .equals, key: payment.ledger, field: payment.entry, value: String(tokens),
                complaint: "its refund doesn't stand in \(payment.ledger) any more"))
        change.write(
            "HSETNX", .own(payment.ledger),
            [.value(RefundEntry.undone(payment.entry)), .value(String(-tokens))])
        change.write("INCRBY", .own(payment.balance), [.value(String(-tokens))])
    }

    private func addFields(of event: UndoEvent, to change: inout PlainChange) {
        for write in event.after {
            change.checks.append(
                .init(
                    check: write.value == nil ? .absent : .equals, key: event.key, field: write.field,
                    value: write.value ?? "", complaint: Self.complaint(write)))
        }
        let held = event.before.filter { $0.value != nil }
        if !held.isEmpty {
            change.write("HSET", .own(event.key), held.flatMap { [.constant($0.field), .value($0.value ?? "")] })
        }
        let absent = event.before.filter { $0.value == nil }
        if !absent.isEmpty { change.write("HDEL", .own(event.key), absent.map { .constant($0.field) }) }
    }

    private func addDocument(
        of event: UndoEvent, _ found: UndoReader.Found, to change: inout PlainChange
    ) throws(RecordError) {
        guard let document = found.document else { throw RecordError("changed since: \(event.key) is gone") }
        for write in event.after {
            guard try document[write.field] == write.value else { throw RecordError(Self.complaint(write)) }
        }
        let text = try JSONRecord.restoring(event.before, originals: event.originals, in: document.text)
        change.checks.append(
            .init(
                check: .text, key: event.key, value: document.text, complaint: "changed since: \(event.key) has moved"))
        change.write("SET", .own(event.key), [.value(text), .constant("KEEPTTL")])
    }

    /// The note of a record's recoveries without the one that is undone.
    private func addNote(_ note: (key: String, text: String, rest: String), to change: inout PlainChange) {
        change.checks.append(
            .init(
                check: .text, key: note.key, value: note.text,
                complaint: "changed since: it was given another try meanwhile"))
        if note.rest.isEmpty {
            change.write("DEL", .own(note.key))
        } else {
            change.write("SET", .own(note.key), [.value(note.rest), .constant("KEEPTTL")])
        }
    }

    private func addRecall(
        of id: String, from queue: (key: String, isSorted: Bool), to change: inout PlainChange
    ) {
        let (queue, isSorted) = queue
        guard !isSorted else {
            change.checks.append(
                .init(
                    check: .listed, key: queue, field: id,
                    complaint: "changed since: it isn't in \(queue) any more, somebody has taken it up"))
            change.write("ZREM", .own(queue), [.value(id)])
            return
        }
        change.checks.append(
            .init(
                check: .holds, key: queue, value: id,
                complaint: "changed since: it isn't in \(queue) any more, somebody has taken it up"))
        // From the end, where it was put.
        change.write("LREM", .own(queue), [.constant("-1"), .value(id)])
    }

    private func addReturn(of event: UndoEvent, _ found: UndoReader.Found, to change: inout PlainChange) {
        for (key, expires) in found.trash {
            let trash = Keys.trash(of: key, run: event.trashRun ?? undo.run)
            change.checks += [
                .init(
                    check: .exists, key: trash,
                    complaint: undo.cleanup.keepsTrash
                        ? "what was removed is gone from the trash, where it is kept for \(undo.cleanup.undo.text)"
                        : "what was removed is gone: trash is off for \(undo.cleanup.name)"
                ),
                .init(check: .missing, key: key, complaint: "changed since: there is a new \(key)"),
            ]
            change.write("RENAME", .own(trash), [.key(key)])
            if let expires {
                change.write("PEXPIREAT", .own(key), [.value(expires)])
                change.write("DEL", .own(trash + ":expires"))
            } else {
                change.write("PERSIST", .own(key))
            }
        }
    }

    private static func complaint(_ written: FieldWrite) -> String {
        "changed since: \(written.field) is no longer \(written.value.map { "“\($0.shortened(to: 80))”" } ?? "absent")"
    }
}
