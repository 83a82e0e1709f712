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
    var run: String
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
        fileprivate var leaves: [[Bool]: Int] = [:]
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
        let index: Statement.IndexEffect = isPart || !cleanup.isIndexed ? .none : change.indexEffect
        let hasMember = !isPart || change.namesMember
        let choice: CommitCall.StatementChoice
        if let earlier {
            choice = .same(earlier)
        } else {
            var sink = StatementSink(index: index, hasMember: hasMember)
            encode(change, of: record, isPart: isPart, to: &sink)
            choice = .new(sink.statement)
        }
        let score = index == .score ? change.next.map(cleanup.indexUnit.score) : nil
        let number = call.append(choice, member: hasMember ? record.member : nil, score: score) { sink in
            encode(change, of: record, isPart: isPart, to: &sink)
        }
        if earlier == nil { known.changes.append((change, isText, number)) }
    }

    /// Encodes a change, or the part of it that is in the record's slot.
    func encode(_ change: Change, of record: Record, isPart: Bool, to sink: inout some CommitSink) {
        guard !isCheck else { return encodeCheck(change, of: record, isPart: isPart, to: &sink) }
        let own = sink.key(record.key)
        let amount = isPart && !change.pays ? Statement.Source.none : sink.value(String(change.paid))
        var context = EffectContext(
            own: own, id: record.name, key: record.key, to: change.to, amount: amount, isPart: isPart)
        if let registry = record.place?.seat?.registry, !isPart {
            context.registry = (registry, registry == record.key ? own : sink.key(registry))
        }
        encode(change.guards, status: change.from, own, at: context.registry, to: &sink)
        for index in change.effects.indices { encode(change.effects[index], context, to: &sink) }
        let isGone = change.removesRecord || change.action == .drop || (record.place != nil && change.takesSeat)
        if !isPart, isGone { encodeForgotten(to: &sink) }
        if !isPart, !change.isClaim { encodeEvent(change, of: record, own, amount: amount, to: &sink) }
    }

    /// What was first seen of a record goes with it.
    private func encodeForgotten(to sink: inout some CommitSink) {
        guard cleanup.notesFirstSeen else { return }
        sink.begin("HDEL", .shared(.seen))
        sink.hole(.member)
    }

    /// Encodes guards of a record, and of other keys.
    func encode(
        _ guards: [Policies.Guard], status: String?, _ own: Statement.Key,
        at registry: (name: String, key: Statement.Key)? = nil, to sink: inout some CommitSink
    ) {
        for item in guards {
            if let registry, item.otherKey == registry.name {
                encode(item, at: registry.key, to: &sink)
                continue
            }
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
                sink.check(.equals, sink.key(key), field: .own(sink.value(field)), value: .own(sink.value(value)))
            case .otherField(let key, let field, equals: nil):
                sink.check(.absent, sink.key(key), field: .own(sink.value(field)), value: .none)
            case .otherText(let key, let text):
                sink.check(.text, sink.key(key), field: .none, value: .own(sink.value(text)))
            case .listed(let key, let member):
                sink.check(.listed, sink.key(key), field: .own(sink.value(member)), value: .none)
            case .unread(let key, let entry):
                sink.check(.unread, sink.key(key), field: .none, value: .own(sink.value(entry)))
            case .undelivered(let key, let entry, let group):
                sink.check(
                    .delivered, sink.key(key), field: .own(sink.value("\(entry) \(group)")),
                    value: .own(sink.value("")))
            case .scored(let key, let member, let score):
                sink.check(
                    .score, sink.key(key), field: .own(sink.value(member)), value: .own(sink.value(score)))
            case .contains(let key, let member):
                sink.check(.contains, sink.key(key), field: .own(sink.value(member)), value: .none)
            case .unlisted(let key, let member):
                sink.check(.unlisted, sink.key(key), field: .own(sink.value(member)), value: .none)
            case .holds(let key, let element):
                sink.check(.holds, sink.key(key), field: .none, value: .own(sink.value(element)))
            case .stands(let key, let element, let reach):
                sink.check(
                    .holds, sink.key(key), field: .own(sink.value(String(reach))), value: .own(sink.value(element)))
            case .delivered(let key, let entry, let group, let pending):
                sink.check(
                    .delivered, sink.key(key), field: .own(sink.value("\(entry) \(group)")),
                    value: .own(sink.value(pending)))
            case .atMost(let key, let most):
                sink.check(.atmost, sink.key(key), field: .none, value: .own(sink.value(String(most))))
            }
        }
    }

    /// Encodes a guard of the registry that a record stands in.
    private func encode(_ item: Policies.Guard, at key: Statement.Key, to sink: inout some CommitSink) {
        switch item {
        case .scored(_, let member, let score):
            sink.check(.score, key, field: .own(sink.value(member)), value: .own(sink.value(score)))
        case .contains(_, let member): sink.check(.contains, key, field: .own(sink.value(member)), value: .none)
        case .listed(_, let member): sink.check(.listed, key, field: .own(sink.value(member)), value: .none)
        case .stands(_, let element, let reach):
            sink.check(.holds, key, field: .own(sink.value(String(reach))), value: .own(sink.value(element)))
        case .otherField(_, let field, let value?):
            sink.check(.equals, key, field: .own(sink.value(field)), value: .own(sink.value(value)))
        case .otherField(_, let field, nil):
            sink.check(.absent, key, field: .own(sink.value(field)), value: .none)
        case .delivered(_, let entry, let group, let pending):
            sink.check(
                .delivered, key, field: .own(sink.value("\(entry) \(group)")), value: .own(sink.value(pending)))
        default: encode([item], status: nil, key, to: &sink)
        }
    }

    private func encodeEvent(
        _ change: Change, of record: Record, _ own: Statement.Key, amount: Statement.Source,
        to sink: inout some CommitSink
    ) {
        let id = record.name
        sink.begin("XADD", .shared(.events))
        for word in journal.words { sink.constant(word) }
        for field in Event.Field.allCases {
            // Redis adds them, which alone knows them.
            if field == .entries { continue }
            if field == .carry {
                guard let carried = change.carried, !isBrief else { continue }
                sink.constant(field.rawValue)
                sink.hole(sink.value(JSONText.object(carried)))
                continue
            }
            sink.constant(field.rawValue)
            switch field {
            case .carry, .entries: continue
            case .run: sink.constant(run)
            case .cleanup: sink.constant(cleanup.name)
            case .record: sink.hole(record.place == nil ? .member : sink.value(id))
            case .key: sink.hole(own.source)
            case .action: sink.constant(change.action.rawValue)
            case .from: sink.constant(change.from)
            case .to: sink.constant(change.to)
            case .reason:
                sink.hole(sink.value(isBrief ? change.briefReason : change.reason.shortened(to: Self.mostReason)))
            case .type: sink.hole(sink.value(change.type.shortened(to: Self.mostType)))
            case .tokens: sink.hole(amount)
            case .bytes:
                guard let bytes = change.freedBytes else { sink.constant("0"); continue }
                sink.hole(sink.value(String(bytes)))
            case .before: sink.hole(sink.value(image(before: change, of: id)))
            case .time: sink.hole(.time)
            }
        }
    }

    /// What the event of a change says that is known before it is made.
    func event(of change: Change, id: String) -> Event {
        var event = Event()
        (event.action, event.from, event.to) = (change.action.rawValue, change.from, change.to)
        (event.reason, event.type, event.bytes) = (change.reason, change.type, change.freedBytes ?? 0)
        (event.before, event.time) = (image(before: change, of: id), time)
        if let carried = change.carried { event.carry = JSONText.object(carried) }
        return event
    }

    /// What an event says of a record as it was: enough to put it back.
    ///
    /// - Parameter id: the record's id.
    func image(before change: Change, of id: String) -> String {
        var (before, after, originals): ([FieldWrite], [FieldWrite], [FieldWrite]) = ([], [], [])
        var also: [String] = []
        var puts: [Taking] = []
        var takes: [Taking] = []
        var whole: (text: String, after: String)?
        for index in change.effects.indices {
            switch change.effects[index] {
            case .write(let write):
                before = write.before
                // The new status is named by the event anyway.
                let status = cleanup.statusField
                after = write.sets.filter { $0.field != status || $0.value != change.to || change.from == change.to }
                originals = write.originals
                if let text = write.original, let after = write.document { whole = (text, after) }
            case .remove(let image): before = image
            case .discard(let key): also.append(key)
            case .put(let push) where push.content != .id: puts += push.traces(id: id)
            case .take(let taking) where change.action != .undo: takes.append(taking)
            case .unlist(let score): before = [FieldWrite(field: Change.scoreField, value: score)]
            default: continue
            }
        }
        if isBrief { return BeforeImage.text([], also: also) }
        return BeforeImage.text(
            before, after: after, originals: originals, also: also, puts: puts, takes: takes, whole: whole)
    }

    /// Adds a record that needs no watching any more: its index entry goes, if record and entry are as they were read.
    func add(
        dropOf entry: DueEntry, key: String, guards: [Policies.Guard], to call: inout CommitCall, _ known: inout Known
    ) {
        func encodeDrop(_ sink: inout some CommitSink) {
            let own = sink.key(key)
            if !entry.scoreText.isEmpty { encodeListed(entry.scoreText, to: &sink) }
            encode(guards, status: nil, own, to: &sink)
            encodeForgotten(to: &sink)
        }
        if let number = known.drop, known.dropGuards.haveForm(of: guards) {
            _ = call.append(.same(number), member: entry.id) { encodeDrop(&$0) }
            return
        }
        var sink = StatementSink(index: .remove)
        encodeDrop(&sink)
        known.drop = call.append(.new(sink.statement), member: entry.id) { encodeDrop(&$0) }
        known.dropGuards = guards
    }

    /// Adds a record that is to be looked at again later: its index entry gets that time, unless the app has moved it.
    ///
    /// Nothing is added, and false given back, where there is nothing to write.
    func add(leave: Leave, entry: DueEntry, to call: inout CommitCall, _ known: inout Known) -> Bool {
        let isScored = leave.until != nil && cleanup.isIndexed
        guard isScored || leave.remember != nil else { return false }
        func encodeLeave(_ sink: inout some CommitSink) {
            // What the index lacks is entered.
            if !entry.scoreText.isEmpty { encodeListed(entry.scoreText, to: &sink) }
            if let value = leave.remember {
                sink.begin("HSET", .shared(.seen))
                sink.hole(.member)
                sink.hole(sink.value("\(time) \(value)"))
            }
        }
        let score = isScored ? leave.until.map(cleanup.indexUnit.score) : nil
        let form = [isScored, leave.remember == nil, entry.scoreText.isEmpty]
        if let number = known.leaves[form] {
            _ = call.append(.same(number), member: entry.id, score: score) { encodeLeave(&$0) }
            return true
        }
        var sink = StatementSink(index: isScored ? .score : .none)
        encodeLeave(&sink)
        let number = call.append(.new(sink.statement), member: entry.id, score: score) { encodeLeave(&$0) }
        known.leaves[form] = number
        return true
    }
}
