internal import Policies

/// Turns an event into the change that undoes it: the inverse of its effects, guarded by what they left.
///
/// What is put back comes from the event; where it goes (balance, ledger, queue, index) comes from the cleanup.
struct UndoEncoder {
    let undo: Undo
    let keys: Keys
    /// The time, for what would have expired meanwhile.
    let now: Timestamp

    /// The change: what must still be so, then the refund taken back, the record as it was, and the index.
    ///
    /// Throws if the record is seen not to be as the run left it before anything is sent.
    func change(_ event: UndoEvent, _ found: UndoReader.Found) throws(RecordError) -> Change {
        var guards: [Policies.Guard] = []
        var effects: [Effect] = []
        if event.isRemoval || !event.also.isEmpty { addReturn(of: event, found, &guards, &effects) }
        if !event.isRemoval, !event.isDrop {
            if let payment = found.payment { addReversal(of: payment, event.tokens, &guards, &effects) }
            if event.before.isEmpty {
                // Only what is beside the record was written.
            } else if undo.cleanup.format == .json {
                try addDocument(of: event, found, &guards, &effects)
            } else {
                guards += event.after.map { .field($0.field, equals: $0.value) }
                effects.append(.write(RecordWrite(event.before, before: event.after)))
            }
            if let note = found.note {
                guards.append(.otherText(key: note.key, equals: note.text))
                effects.append(
                    note.rest.isEmpty
                        ? .erase(note.key) : .store(StoredText(key: note.key, text: note.rest, keptFor: nil)))
            }
            if let queue = found.queue {
                guards.append(
                    queue.isSorted
                        ? .listed(key: queue.key, member: event.record)
                        : .holds(key: queue.key, element: event.record))
                effects.append(.take(Taking(key: queue.key, kind: queue.isSorted ? .zset : .list)))
            }
        }
        let elapsed = now - Timestamp(milliseconds: Int64(event.at) ?? 0)
        for put in event.puts {
            if let item = put.guard(of: event.record) { guards.append(item) }
            effects += try put.undoing(elapsed: elapsed)
        }
        for taken in event.takes {
            // Where the change has put it again, that says enough; and a list may have an element more than once.
            let isPut = event.puts.contains { $0.key == taken.key && $0.member == taken.member }
            let isListed = taken.kind == .list && !guards.isEmpty
            if let item = taken.isFree, !isPut, !isListed { guards.append(item) }
            // An entry that is gone can't be pending again.
            if taken.kind == .stream, let entry = taken.member {
                guards.append(.delivered(key: taken.key, entry: entry, group: "", as: ""))
            }
            if let push = taken.returning(elapsed: elapsed, at: now) { effects.append(.put(push)) }
        }
        // Members of registries are found by the next walk.
        if undo.cleanup.source?.isRegistry != true { effects.append(.relist(try relisting(event))) }
        if guards.isEmpty, !event.isDrop || effects.isEmpty {
            throw RecordError("its event says nothing that could be put back")
        }
        return Change(
            action: .undo, from: event.to, to: event.from, reason: undo.reason(of: event), type: event.type,
            age: .zero, timeout: .zero, guards: guards, effects: effects)
    }

    /// Due as it was when the run came by; an entry that the app has put earlier stays.
    private func relisting(_ event: UndoEvent) throws(RecordError) -> Relisting {
        let index = undo.cleanup.indexKey(keys)
        guard event.isDrop else {
            let due = undo.cleanup.indexUnit.score(of: Timestamp(milliseconds: Int64(event.at) ?? 0))
            return Relisting(index: index, score: due, rule: .ifEarlier)
        }
        guard let score = event.score else { throw RecordError("its event doesn't say the score it had") }
        return Relisting(index: index, score: score, rule: .ifAbsent)
    }

    /// A second entry of the ledger says that the refund was taken back.
    private func addReversal(
        of payment: UndoReader.Payment, _ tokens: Amount, _ guards: inout [Policies.Guard], _ effects: inout [Effect]
    ) {
        let undone = RefundEntry.undone(payment.entry)
        guards += [
            .otherField(key: payment.ledger, field: payment.entry, equals: String(tokens)),
            .otherField(key: payment.ledger, field: undone, equals: nil),
        ]
        effects.append(
            .pay(
                Refund(
                    amount: -tokens, balance: payment.balance, field: payment.field, ledger: payment.ledger,
                    entry: undone)))
    }

    private func addDocument(
        of event: UndoEvent, _ found: UndoReader.Found, _ guards: inout [Policies.Guard], _ effects: inout [Effect]
    ) throws(RecordError) {
        guard let document = found.document else { throw RecordError("changed since: \(event.key) is gone") }
        for write in event.after {
            guard try document[write.field] == write.value else {
                throw RecordError(Self.complaint(write.field, write.value))
            }
        }
        let text: String
        if let whole = event.whole, BeforeImage.digest(of: document.text) == whole.sum {
            text = whole.text
        } else {
            text = try JSONRecord.restoring(event.before, originals: event.originals, in: document.text)
        }
        guards.append(.text(equals: document.text))
        effects.append(.write(RecordWrite(event.before, before: event.after, document: text)))
    }

    private func addReturn(
        of event: UndoEvent, _ found: UndoReader.Found, _ guards: inout [Policies.Guard], _ effects: inout [Effect]
    ) {
        for (key, expires) in found.trash {
            let run = event.trashRun ?? undo.run
            guards.append(.keyPresent(Keys.trash(of: key, run: run)))
            guards.append(key == event.key ? .recordMissing : .keyAbsent(key))
            effects.append(.restore(Restoration(key: key, run: run, expires: expires)))
        }
    }

    private static func complaint(_ field: String, _ value: String?) -> String {
        "changed since: \(field) is no longer \(value.map { "“\($0.shortened(to: 80))”" } ?? "absent")"
    }

    /// Why a record is left as it is whose guard of that number didn't hold.
    func complaint(_ number: Int?, of change: Change, _ event: UndoEvent) -> String {
        guard let number, change.guards.indices.contains(number) else { return "its refund was taken back before" }
        if case .delivered(let stream, let entry, "", _) = change.guards[number] {
            return "changed since: the entry \(entry) of \(stream) is gone"
        }
        if let key = change.guards[number].otherKey, event.takes.contains(where: { $0.key == key }) {
            return "changed since: it stands in \(key) again"
        }
        if let key = change.guards[number].otherKey, event.puts.contains(where: { $0.key == key }) {
            return "changed since: what was put into \(key) is gone, or isn't the same any more"
        }
        switch change.guards[number] {
        case .field(let field, let value): return Self.complaint(field, value)
        case .text: return "changed since: \(event.key) has moved"
        case .otherText: return "changed since: it was given another try meanwhile"
        case .unread(let key, _): return "changed since: somebody has read what was added to \(key)"
        case .unlisted(let key, _), .undelivered(let key, _, _): return "changed since: it stands in \(key) again"
        case .listed(let queue, _), .scored(let queue, _, _), .contains(let queue, _), .holds(let queue, _),
            .stands(let queue, _, _), .delivered(let queue, _, _, _):
            return "changed since: it isn't in \(queue) any more, somebody has taken it up"
        case .otherField(_, _, nil): return "its refund was taken back before"
        case .otherField(let ledger, _, _): return "its refund doesn't stand in \(ledger) any more"
        case .keyPresent:
            return undo.cleanup.keepsTrash
                ? "what was removed is gone from the trash, where it is kept for \(undo.cleanup.undo.text)"
                : "what was removed is gone: trash is off for \(undo.cleanup.name)"
        case .recordMissing: return "changed since: there is a new \(event.key)"
        case .keyAbsent(let key): return "changed since: there is a new \(key)"
        case .atMost(let key, _): return "changed since: \(key) has changed"
        }
    }
}

extension Taking {
    /// What must still be so: it is where it was put.
    ///
    /// An entry of a stream that a group has read is somebody's work.
    fileprivate func `guard`(of id: String) -> Policies.Guard? {
        let member = member ?? id
        return switch kind {
        case .stream: self.member.map { .unread(key: key, entry: $0) }
        case .list: .stands(key: key, element: member, within: Self.furthest)
        case .zset:
            score.map { .scored(key: key, member: member, score: $0) } ?? .listed(key: key, member: member)
        case .set: .contains(key: key, member: member)
        case .hash: .otherField(key: key, field: field ?? id, equals: member)
        case .text: .otherText(key: key, equals: member)
        }
    }

    /// How far a list is searched from its end for what was put there: a moment, and an undo is rare.
    private static let furthest = 100_000

    /// That nobody has put it back already.
    fileprivate var isFree: Policies.Guard? {
        switch kind {
        case .list, .set, .zset: .unlisted(key: key, member: member ?? "")
        case .hash: field.map { .otherField(key: key, field: $0, equals: nil) }
        case .text: .keyAbsent(key)
        case .stream: pending.map { .undelivered(key: key, entry: member ?? "", group: $0.group) }
        }
    }

    /// What puts back what was taken; nil for a text that would have expired meanwhile.
    fileprivate func returning(elapsed: Duration, at now: Timestamp) -> Push? {
        if let expires, expires <= now.milliseconds { return nil }
        guard case .text(let text, let left)? = earlier else { return inverse }
        let rest = left.map { $0 - elapsed }
        guard rest.map({ $0 > .zero }) ?? true else { return nil }
        return Push(key: key, kind: .text, content: .text(text), keptFor: rest)
    }

    /// What takes it out again, and puts back what was there before; a text that would have expired meanwhile is gone.
    fileprivate func undoing(elapsed: Duration) throws(RecordError) -> [Effect] {
        switch earlier {
        case nil where kind == .stream:
            var added = self
            added.isAdded = true
            return [.take(added)]
        case nil, .list?, .stream?: return [.take(self)]
        case .set?: return []
        case .zset(let score)?:
            return [.put(Push(key: key, kind: .zset, score: score, content: .text(member ?? "")))]
        case .hash(let value)?:
            return [.put(Push(key: key, kind: .hash, content: .text(value), field: field))]
        case .text(let text, let left)?:
            let rest = left.map { $0 - elapsed }
            guard rest.map({ $0 > .zero }) ?? true else { return [.take(self)] }
            return [.put(Push(key: key, kind: .text, content: .text(text), keptFor: rest))]
        }
    }
}
