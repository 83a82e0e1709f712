/// What the file adds to an action, in the application's own words: the sections `retry`, `fail`, `complete`, `cancel`,
/// `reset`, `release`, `remove` and `close` of a cleanup.
///
/// They are added to the change that the policy makes, whichever policy that is; what the policy writes by itself (the
/// short forms) comes first, and a field that both write gets what the section says. All of it is one change: guarded by
/// what was read, made whole or not at all, told in one event, undone together.
///
/// What may go wrong: a template that names what the record hasn't, a field to be counted up that is no whole number, and
/// a registry of another type than said are errors of the record. A member that is no longer where it was read has moved,
/// and so has the record.
package struct ActionEffects: Sendable, Equatable {
    /// A field and what is written into it; nil: an empty text.
    package struct Setting: Sendable, Equatable {
        /// The field.
        package var field: String
        /// The value.
        package var value: KeyTemplate?

        /// Makes it.
        package init(field: String, value: KeyTemplate?) {
            self.field = field
            self.value = value
        }
    }

    /// A field that is counted up or down.
    package struct Addition: Sendable, Equatable {
        /// The field.
        package var field: String
        /// By how much.
        package var amount: Int64

        /// Makes it.
        package init(field: String, amount: Int64) {
            self.field = field
            self.amount = amount
        }
    }

    /// A member that is taken out of a registry.
    package struct Take: Sendable, Equatable {
        /// The registry.
        package var from: KeyTemplate
        /// The member; of a hash, the field.
        package var member: KeyTemplate

        /// Makes it.
        package init(from: KeyTemplate, member: KeyTemplate) {
            self.from = from
            self.member = member
        }
    }

    /// Fields that are written.
    package var set: [Setting]
    /// Fields that are removed.
    package var unset: [String]
    /// Fields that are counted.
    package var add: [Addition]
    /// What is taken out of registries.
    package var take: [Take]
    /// What is put into other keys.
    package var put: [PutRule]
    /// Keys that move to the trash.
    package var delete: [KeyTemplate]
    /// What is published.
    package var publish: [Message]

    /// A message for whoever listens to a channel.
    package struct Message: Sendable, Equatable {
        /// The channel.
        package var channel: KeyTemplate
        /// What is said.
        package var content: JSONTemplate
        /// Whether it is JSON; else it is a text.
        package var isJSON: Bool

        /// Makes it.
        package init(channel: KeyTemplate, content: JSONTemplate, isJSON: Bool) {
            (self.channel, self.content, self.isJSON) = (channel, content, isJSON)
        }
    }

    /// Makes it, with nothing to add unless told.
    package init(
        set: [Setting] = [], unset: [String] = [], add: [Addition] = [], take: [Take] = [], put: [PutRule] = [],
        delete: [KeyTemplate] = [], publish: [Message] = []
    ) {
        self.publish = publish
        self.set = set
        self.unset = unset
        self.add = add
        self.take = take
        self.put = put
        self.delete = delete
    }

    /// The fields of the record that it reads or writes.
    package var fields: [String] {
        let messages = publish.flatMap { [$0.channel] + $0.content.templates }
        let templates = set.compactMap(\.value) + take.flatMap { [$0.from, $0.member] } + delete + messages
        return unique(writtenFields + templates.flatMap(\.effectFields) + put.flatMap(\.fields))
    }

    /// The fields of the record that it writes.
    package var writtenFields: [String] { unique(unset + set.map(\.field) + add.map(\.field)) }

    /// The keys beside the record that it writes to.
    package var uses: [KeyUse] {
        take.map { KeyUse(.registry, $0.from, Self.taking) } + put.map { $0.use(.registry) }
            + delete.map { KeyUse(.companion, $0, []) }
            + publish.map { KeyUse(.channel, $0.channel, [["PUBLISH", "x"]]) }
    }

    private static let taking: [[String]] = [
        ["TYPE"], ["LPOS", "x"], ["LREM", "1", "x"], ["ZSCORE", "x"], ["ZREM", "x"], ["SISMEMBER", "x"], ["SREM", "x"],
        ["HGET", "x"], ["HDEL", "x"],
    ]

    /// What must be known before a change can be made: where members stand that it takes out, and what stands where
    /// something is put.
    func questions(_ facts: EffectFacts) throws(RecordError) -> [Question] {
        var questions: [Question] = []
        for item in take {
            let question = Question.standing(
                key: try item.from.fill(facts, as: .key), member: try item.member.fill(facts, as: .text))
            if facts.record.answers[question] == nil, !item.isSeat(facts, question) { questions.append(question) }
        }
        for rule in put where rule.mayWriteOver { questions += rule.questions(try rule.push(facts), facts) }
        return questions
    }

    /// The change with all of it.
    func added(to change: Change, _ facts: EffectFacts) throws(RecordError) -> Change {
        var changed = change
        let writes = try writes(facts)
        // On a record that goes, it would only be in the way of its return.
        if !writes.isEmpty, !changed.removesRecord { changed = changed.writing(writes, over: facts.record) }
        for item in add { changed.guards.append(.field(item.field, equals: facts.record[item.field])) }
        for item in take {
            guard let taken = try taking(item, facts) else { continue }
            changed.guards.append(taken.guard)
            changed = changed.adding(.take(taken.taking))
        }
        for rule in put {
            let (push, guards) = try rule.over(try rule.push(facts), facts)
            changed.guards += guards
            changed = changed.adding(.put(push))
        }
        for template in delete {
            let key = try template.fill(facts, as: .key)
            let isThere = changed.effects.contains { $0 == .discard(key) }
            if !isThere { changed = changed.adding(.discard(key)) }
        }
        // What is written on a record that goes would only be in the way of its return.
        if changed.effects.contains(.discard(facts.record.key)) {
            changed = changed.mapEffects { effect in if case .write = effect { nil } else { effect } }
        }
        for message in publish {
            let content: String
            switch message.content {
            case .text(let template?) where !message.isJSON: content = try template.fill(facts, as: .text)
            default: content = try message.content.text(facts)
            }
            let channel = try message.channel.fill(facts, as: .text)
            changed = changed.adding(.publish(Publication(channel: channel, message: content)))
        }
        return changed
    }

    private func writes(_ facts: EffectFacts) throws(RecordError) -> [FieldWrite] {
        var writes: [FieldWrite] = []
        for item in set {
            writes.append(FieldWrite(field: item.field, value: try item.value?.fill(facts, as: .text) ?? ""))
        }
        for field in unset { writes.append(FieldWrite(field: field, value: nil)) }
        for item in add { writes.append(FieldWrite(field: item.field, value: try sum(item, facts.record))) }
        return writes
    }

    /// A number is written as the one before it was, `7.0` as `8.0`; what is absent counts as 0.
    private func sum(_ item: Addition, _ record: Record) throws(RecordError) -> String {
        guard let raw = record.present(item.field) else { return String(item.amount) }
        guard let number = WholeNumber(raw) else {
            throw .unreadable(item.field, raw, "expected a whole number, to which \(item.amount) is added")
        }
        let (sum, isOver) = number.value.addingReportingOverflow(item.amount)
        guard !isOver else {
            throw .unreadable(item.field, raw, "\(item.amount) more is too large for a whole number")
        }
        return number.text(for: sum)
    }

    /// What is taken out, and the guard that it still stands there; nil where it doesn't stand there at all.
    private func taking(
        _ item: Take, _ facts: EffectFacts
    ) throws(RecordError) -> (taking: Taking, guard: Guard)? {
        let key = try item.from.fill(facts, as: .key)
        let member = try item.member.fill(facts, as: .text)
        let question = Question.standing(key: key, member: member)
        // The registry that the record stands in is guarded, and taken out of, anyway.
        if item.isSeat(facts, question) { return nil }
        switch facts.record.answers[question] {
        case .standing(nil, _)?: return nil
        case .standing(.text?, _)?:
            throw RecordError(
                "\(key) is a text: expected a list, a set, a zset, a hash or a stream, to take “\(member)” out of")
        case .standing(let standing?, let expires)?:
            var taking = standing.taking(key, member)
            taking.expires = expires
            return (taking, standing.guard(key, member))
        case .unreadable(let why)?: throw RecordError(why)
        default: throw RecordError("where \(member) stands in \(key) was answered with something else")
        }
    }
}

extension ActionEffects.Take {
    /// Whether it names where the record stands.
    fileprivate func isSeat(_ facts: EffectFacts, _ question: Question) -> Bool {
        guard let seat = facts.record.place?.seat else { return false }
        return question == .standing(key: seat.registry, member: seat.member)
    }
}

extension Standing {
    /// What takes it out, with what an undo needs to put it back.
    package func taking(_ key: String, _ member: String) -> Taking {
        var taking = Taking(key: key, kind: kind, member: member)
        switch self {
        case .list(let behind):
            taking.end = behind == nil ? .head : .middle
            taking.behind = behind
        case .set, .stream: break
        case .zset(let score): taking.score = score
        case .hash(let value): (taking.member, taking.field) = (value, member)
        case .text(let text, let left):
            taking.member = text
            taking.earlier = .text(text, expiresIn: left)
        }
        return taking
    }

    private var kind: Push.Kind {
        switch self {
        case .list: .list
        case .stream: .stream
        case .set: .set
        case .zset: .zset
        case .hash: .hash
        case .text: .text
        }
    }

    /// That it still stands there.
    package func `guard`(_ key: String, _ member: String) -> Guard {
        switch self {
        // What is deleted from a stream twice is deleted once.
        case .stream: .keyPresent(key)
        case .list: .holds(key: key, element: member)
        case .set: .contains(key: key, member: member)
        case .zset(let score): .scored(key: key, member: member, score: score)
        case .hash(let value): .otherField(key: key, field: member, equals: value)
        case .text(let text, _): .otherText(key: key, equals: text)
        }
    }
}

extension Change {
    /// The same with other fields written too; a field that is written already gets the new value.
    fileprivate func writing(_ writes: [FieldWrite], over record: Record) -> Change {
        func merged(_ write: RecordWrite) -> RecordWrite {
            var write = write
            for item in writes {
                write.sets.removeAll { $0.field == item.field }
                write.sets.append(item)
                if !write.before.contains(where: { $0.field == item.field }) {
                    write.before.append(FieldWrite(field: item.field, value: record[item.field]))
                }
            }
            return write
        }
        guard write != nil else { return adding(.write(merged(RecordWrite([], before: [])))) }
        return mapEffects { effect in
            guard case .write(let write) = effect else { return effect }
            return .write(merged(write))
        }
    }
}
