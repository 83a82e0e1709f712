internal import Policies

/// Turns verdicts into what `curfew_commit` understands: guards first, then writes, the index last.
///
/// The order of writes is a rule, not a taste. Only the first write of a change may fail on what it finds, because then
/// nothing has been written; every later one is on a key whose type is known by then. A refund begins with its ledger
/// entry, which fails where the charge was paid back before; the balance comes second, and where it isn't a number the
/// entry is taken back. Then come the record, the queue and the event.
struct ChangeEncoder: Sendable {
    let cleanup: Cleanup
    /// The run that events and trash name.
    let run: String
    let keys: Keys
    /// The time that events carry, in milliseconds.
    let time: String
    /// Where its events go.
    let journal: Journal
    /// Whether it is only asked what would become of the changes (`ChangeEncoder+Check.swift`).
    var isCheck = false
    /// Whether events say only what was removed, and not what it was like: where Redis has no memory left.
    var isBrief = false

    /// The number that stands for the guard of the ledger: its entry is written first, and only where it isn't there yet.
    static let ledgerGuard = -1

    /// The most bytes of what an event says of a record beside its before-image.
    private static let mostReason = 2_048, mostType = 256

    /// The statements that a call has so far, each with a change that it was made for.
    struct Known {
        fileprivate var changes: [(change: Change, isText: Bool, number: Int)] = []
        fileprivate var drop: Int?
        fileprivate var dropGuards: [Policies.Guard] = []
        fileprivate var leaves: [Bool: Int] = [:]
        fileprivate var remembers: [Bool: Int] = [:]
    }

    /// Adds a change of a record.
    ///
    /// In a Cluster it may be a part of the change alone: what is in the record's slot, without event and index entry.
    func add(
        _ change: Change, of record: Record, isPart: Bool = false, to call: inout CommitCall, _ known: inout Known
    ) {
        let isText = record.isText
        call.time = time
        // Few forms, and almost always the last one again.
        var earlier: Int?
        for place in known.changes.indices.reversed() where earlier == nil {
            if known.changes[place].isText == isText, known.changes[place].change.hasForm(of: change, time: time) {
                earlier = known.changes[place].number
            }
        }
        let index: Statement.IndexEffect = isPart ? .none : change.next == nil ? .remove : .score
        let choice: CommitCall.StatementChoice
        if let earlier {
            choice = .same(earlier)
        } else {
            var sink = StatementSink(index: index)
            tell(change, of: record, isPart: isPart, to: &sink)
            choice = .new(sink.statement)
        }
        let score = index == .score ? change.next.map(cleanup.indexUnit.score) : nil
        let number = call.append(choice, member: record.id, score: score) { sink in
            tell(change, of: record, isPart: isPart, to: &sink)
        }
        if earlier == nil { known.changes.append((change, isText, number)) }
    }

    /// Tells a change, or the part of it that is in the record's slot.
    func tell(_ change: Change, of record: Record, isPart: Bool, to sink: inout some CommitSink) {
        guard !isCheck else { return tellCheck(change, of: record, isPart: isPart, to: &sink) }
        let own = sink.key(record.key)
        let amount = sink.value(String(change.refund?.amount ?? 0))
        if let refund = change.refund {
            let ledger = sink.key(refund.ledger)
            let balance = sink.key(refund.balance)
            let entry = sink.value(refund.entry)
            tell(change.guards, status: change.from, own, to: &sink)
            sink.begin("HSETNX", ledger)
            sink.hole(entry)
            sink.hole(amount)
            sink.begin("INCRBY", balance)
            sink.hole(amount)
        } else {
            tell(change.guards, status: change.from, own, to: &sink)
        }
        if !isPart, let listed = change.listed { tellListed(listed, to: &sink) }
        tellFields(change, own, to: &sink)
        if !isPart, let note = change.note { tellNote(note, of: record.id, to: &sink) }
        if let push = change.push { tell(push, of: .member, to: &sink) }
        if change.removesRecord { tellRemoval(of: record, own, also: change.also, to: &sink) }
        let isGone = change.removesRecord || change.action == .drop
        if !isPart, isGone, cleanup.kind == .locks {
            sink.begin("HDEL", .shared(.seen))
            sink.hole(.member)
        }
        if !isPart, !change.isClaim { tellEvent(change, own, amount: amount, to: &sink) }
    }

    /// Puts a record's id on a queue, in the way of its kind.
    func tell(_ push: Push, of id: Statement.Source, to sink: inout some CommitSink) {
        let queue = sink.key(push.key)
        switch push.kind ?? .list {
        case .list: sink.begin(push.isAtHead ? "LPUSH" : "RPUSH", queue)
        case .zset:
            sink.begin("ZADD", queue)
            sink.hole(sink.value(push.score ?? "0"))
        case .stream:
            sink.begin("XADD", queue)
            sink.constant("*")
            sink.constant("id")
        }
        sink.hole(id)
    }

    /// Notes a recovery, if nobody has noted another since it was read.
    func tellNote(_ note: RecoveryNote, of id: String, to sink: inout some CommitSink) {
        let key = sink.key(keys.recoveries(cleanup.name, of: id))
        if let before = note.before {
            sink.check(.text, key, field: .none, value: .own(sink.value(before)))
        } else {
            sink.check(.missing, key, field: .none, value: .none)
        }
        tell(note, at: key, to: &sink)
    }

    /// Writes the note of a recovery.
    func tell(_ note: RecoveryNote, at key: Statement.Key, to sink: inout some CommitSink) {
        sink.begin("SET", key)
        sink.hole(sink.value(note.after))
        sink.constant("PX")
        sink.constant(String(note.keptFor.milliseconds))
    }

    /// Tells guards of a record, and of other keys.
    func tell(
        _ guards: [Policies.Guard], status: String?, _ own: Statement.Key, to sink: inout some CommitSink
    ) {
        for item in guards {
            switch item {
            case .field(let field, equals: let value?):
                // The status is the same for all changes of the statement.
                let operand = value == status ? CommitOperand.constant(value) : .own(sink.value(value))
                sink.check(.equals, own, field: .constant(field), value: operand)
            case .field(let field, equals: nil): sink.check(.absent, own, field: .constant(field), value: .none)
            case .text(equals: let text): sink.check(.text, own, field: .none, value: .own(sink.value(text)))
            case .recordMissing: sink.check(.missing, own, field: .none, value: .none)
            case .keyAbsent(let key): sink.check(.missing, sink.key(key), field: .none, value: .none)
            case .keyPresent(let key): sink.check(.exists, sink.key(key), field: .none, value: .none)
            case .otherField(let key, let field, equals: let value?):
                sink.check(.equals, sink.key(key), field: .constant(field), value: .own(sink.value(value)))
            case .otherField(let key, let field, equals: nil):
                sink.check(.absent, sink.key(key), field: .constant(field), value: .none)
            case .atMost(let key, let most):
                sink.check(.atmost, sink.key(key), field: .none, value: .own(sink.value(String(most))))
            }
        }
    }

    /// Nobody has moved the index entry since it was read.
    private func tellListed(_ score: String, to sink: inout some CommitSink) {
        sink.check(.score, .shared(.index), field: .own(.member), value: .own(sink.value(score)))
    }

    private func tellFields(_ change: Change, _ own: Statement.Key, to sink: inout some CommitSink) {
        if let document = change.document {
            sink.begin("SET", own)
            sink.hole(sink.value(document))
            sink.constant("KEEPTTL")
            return
        }
        if change.sets.contains(where: { $0.value != nil }) {
            sink.begin("HSET", own)
            for write in change.sets {
                guard let value = write.value else { continue }
                sink.constant(write.field)
                // The new status is the same for all changes of the statement, and the time often; most others differ.
                if value == change.to {
                    sink.constant(value)
                } else {
                    sink.hole(value == time ? .time : sink.value(value))
                }
            }
        }
        if change.sets.contains(where: { $0.value == nil }) {
            sink.begin("HDEL", own)
            for write in change.sets where write.value == nil { sink.constant(write.field) }
        }
    }

    /// Removal is a move: the record waits under another name in the same slot until it expires.
    func tellRemoval(
        of record: Record, _ own: Statement.Key, also: [String], to sink: inout some CommitSink
    ) {
        tellMove(of: record.key, own, to: &sink)
        for key in also { tellMove(of: key, sink.key(key), to: &sink) }
    }

    private func tellMove(of key: String, _ own: Statement.Key, to sink: inout some CommitSink) {
        guard cleanup.keepsTrash else { return sink.begin("DEL", own) }
        let trash = sink.key(Keys.trash(of: key, run: run))
        sink.begin("TRASH", own)
        sink.hole(trash.source)
        sink.constant(String(cleanup.undo.milliseconds))
    }

    private func tellEvent(
        _ change: Change, _ own: Statement.Key, amount: Statement.Source, to sink: inout some CommitSink
    ) {
        sink.begin("XADD", .shared(.events))
        for word in journal.words { sink.constant(word) }
        for field in Event.Field.allCases {
            sink.constant(field.rawValue)
            switch field {
            case .run: sink.constant(run)
            case .cleanup: sink.constant(cleanup.name)
            case .record: sink.hole(.member)
            case .key: sink.hole(own.source)
            case .action: sink.constant(change.action.rawValue)
            case .from: sink.constant(change.from)
            case .to: sink.constant(change.to)
            case .reason:
                sink.hole(sink.value(isBrief ? change.briefReason : change.reason.shortened(to: Self.mostReason)))
            case .type: sink.hole(sink.value(change.type.shortened(to: Self.mostType)))
            case .tokens: sink.hole(amount)
            case .bytes where change.bytes == 0: sink.constant("0")
            case .bytes: sink.hole(sink.value(String(change.bytes)))
            case .before: sink.hole(sink.value(image(before: change)))
            case .time: sink.hole(.time)
            }
        }
    }

    /// What the event of a change says that is known before it is made.
    func event(of change: Change) -> Event {
        var event = Event()
        (event.action, event.from, event.to) = (change.action.rawValue, change.from, change.to)
        (event.reason, event.type, event.bytes) = (change.reason, change.type, change.bytes)
        (event.before, event.time) = (image(before: change), time)
        return event
    }

    /// What an event says of a record as it was: enough to put it back.
    func image(before change: Change) -> String {
        if isBrief { return BeforeImage.text([], also: change.also) }
        return BeforeImage.text(
            change.before, after: change.after(beside: cleanup.statusField), originals: change.originals,
            also: change.also)
    }

    /// Adds a record that needs no watching any more: its index entry goes, if record and entry are as they were read.
    func add(
        dropOf entry: DueEntry, key: String, guards: [Policies.Guard], to call: inout CommitCall, _ known: inout Known
    ) {
        func tellDrop(_ sink: inout some CommitSink) {
            let own = sink.key(key)
            tellListed(entry.scoreText, to: &sink)
            tell(guards, status: nil, own, to: &sink)
            if cleanup.kind == .locks {
                sink.begin("HDEL", .shared(.seen))
                sink.hole(.member)
            }
        }
        if let number = known.drop, known.dropGuards.haveForm(of: guards) {
            _ = call.append(.same(number), member: entry.id) { tellDrop(&$0) }
            return
        }
        var sink = StatementSink(index: .remove)
        tellDrop(&sink)
        known.drop = call.append(.new(sink.statement), member: entry.id) { tellDrop(&$0) }
        known.dropGuards = guards
    }

    /// Adds a record that is to be looked at again later: its index entry gets that time, unless the app has moved it.
    ///
    /// Nothing is added, and false given back, where there is nothing to write.
    func add(leave: Leave, entry: DueEntry, to call: inout CommitCall, _ known: inout Known) -> Bool {
        guard leave.until != nil || leave.remember != nil else { return false }
        func tellLeave(_ sink: inout some CommitSink) {
            tellListed(entry.scoreText, to: &sink)
            if let value = leave.remember {
                sink.begin("HSET", .shared(.seen))
                sink.hole(.member)
                sink.hole(sink.value("\(time) \(value)"))
            }
        }
        let isScored = leave.until != nil
        let score = leave.until.map(cleanup.indexUnit.score)
        if let number = (leave.remember == nil ? known.leaves : known.remembers)[isScored] {
            _ = call.append(.same(number), member: entry.id, score: score) { tellLeave(&$0) }
            return true
        }
        var sink = StatementSink(index: isScored ? .score : .none)
        tellLeave(&sink)
        let number = call.append(.new(sink.statement), member: entry.id, score: score) { tellLeave(&$0) }
        if leave.remember == nil { known.leaves[isScored] = number } else { known.remembers[isScored] = number }
        return true
    }
}

extension Change {
    /// What it writes beside the new status, which the event names anyway.
    fileprivate func after(beside status: String) -> [FieldWrite] {
        sets.filter { $0.field != status || $0.value != to || from == to }
    }

    /// Whether two changes differ only in what a statement leaves open.
    func hasForm(of other: Change, time: String) -> Bool {
        guard
            action == other.action, from == other.from, to == other.to, removesRecord == other.removesRecord,
            (document == nil) == (other.document == nil), (listed == nil) == (other.listed == nil),
            also.count == other.also.count, (bytes == 0) == (other.bytes == 0),
            (refund == nil) == (other.refund == nil), (push == nil) == (other.push == nil),
            push?.kind == other.push?.kind, push?.isAtHead == other.push?.isAtHead,
            (note == nil) == (other.note == nil), (note?.before == nil) == (other.note?.before == nil),
            (next == nil) == (other.next == nil), sets.count == other.sets.count,
            guards.haveForm(of: other.guards, status: from)
        else { return false }
        for (mine, theirs) in zip(sets, other.sets) {
            guard mine.field == theirs.field, (mine.value == nil) == (theirs.value == nil),
                (mine.value == to) == (theirs.value == to), (mine.value == time) == (theirs.value == time)
            else { return false }
        }
        return true
    }
}

extension [Policies.Guard] {
    /// Whether two lists of guards look at the same things in the same way, whatever they expect there.
    func haveForm(of other: [Policies.Guard], status: String? = nil) -> Bool {
        guard count == other.count else { return false }
        for (mine, theirs) in zip(self, other) {
            switch (mine, theirs) {
            case (.field(let field, let value), .field(let otherField, let otherValue)):
                guard field == otherField, (value == nil) == (otherValue == nil),
                    (value == status) == (otherValue == status)
                else { return false }
            case (.otherField(_, let field, let value), .otherField(_, let otherField, let otherValue)):
                guard field == otherField, (value == nil) == (otherValue == nil) else { return false }
            case (.text, .text), (.recordMissing, .recordMissing), (.keyAbsent, .keyAbsent), (.keyPresent, .keyPresent),
                (.atMost, .atMost):
                continue
            default: return false
            }
        }
        return true
    }
}
