internal import Policies
internal import RedisClient

/// A verdict of the program's own as one of the engine's: nothing that wasn't declared, and no change without guards.
extension CustomPolicy {
    /// The most questions in one verdict, and the most guards and effects of a change.
    private static var mostQuestions: Int { 64 }
    private static var mostParts: Int { 256 }
    /// The most bytes of all texts of a change: Redis takes no text of more than half a gigabyte.
    private static var mostBytes: Int { 64 << 20 }
    /// The most bytes of a status, and of a reason, in events and results.
    private static var longestStatus: Int { 200 }
    private static var longestReason: Int { 1_000 }

    /// The verdict as the engine carries it out; throws what is wrong with it.
    func checked(_ verdict: PolicyVerdict, on record: Record, at now: Timestamp) throws(RecordError) -> Verdict {
        switch verdict.kind {
        case .leave(let until, let because, let isStalled):
            let isLater = until.map { $0 > now } ?? false
            let why = because.shortened(to: Self.longestReason)
            return .leave(Leave(until: isLater ? until : nil, because: why, isStalled: isStalled))
        case .drop(let because, let guards):
            try check(guards)
            let why = because.shortened(to: Self.longestReason)
            return .drop(because: why, guards: guards.isEmpty ? unchanged(record) : guards)
        case .ask(let questions):
            guard !questions.isEmpty else { throw fault("asks, but names no question") }
            guard questions.count <= Self.mostQuestions else {
                throw fault("asks \(questions.count) questions at once, expected at most \(Self.mostQuestions)")
            }
            for question in questions { try check(question) }
            return .ask(questions)
        case .change(let change): return try self.change(change, on: record, at: now)
        }
    }

    /// That all of the record that was read is still so.
    private func unchanged(_ record: Record) -> [Policies.Guard] {
        if case .text(let text) = record.content { return [.text(equals: text)] }
        return declared.fields.map { .field($0, equals: record[$0]) }
    }

    private func change(_ own: PolicyChange, on record: Record, at now: Timestamp) throws(RecordError) -> Verdict {
        guard !own.guards.isEmpty else {
            throw fault("wants a change without guards, which could overwrite anything: expected what it rests on")
        }
        guard !own.effects.isEmpty else { throw fault("wants a change that does nothing: expected effects") }
        guard own.guards.count <= Self.mostParts, own.effects.count <= Self.mostParts else {
            throw fault(
                "wants a change of \(own.guards.count) guards and \(own.effects.count) effects: expected at most "
                    + "\(Self.mostParts) of each")
        }
        let guards = own.guards.map(\.guard)
        try check(guards)
        try check(own.effects, of: record)
        var parts = ChangeParts(guards, effects: own.effects.count)
        for effect in own.effects { try add(effect, to: &parts, record) }
        guard parts.questions.isEmpty else { return .ask(parts.questions) }
        try finish(&parts, record)
        try check(own.action, removes: parts.removes, record)
        guard !parts.canBeMadeTwice(guards, leavesSeat: record.place?.seat != nil && own.action.leavesSeat) else {
            throw fault(
                "wants a change that could be made twice, as it adds something and leaves the record as it is: expected "
                    + "a field that it writes too, or a guard that no longer holds afterwards")
        }
        return .change(
            Change(
                action: own.action.action, from: own.from.fromProgram.shortened(to: Self.longestStatus),
                to: own.to.fromProgram.shortened(to: Self.longestStatus),
                reason: (own.reason.isEmpty ? meaning : own.reason.fromProgram).shortened(to: Self.longestReason),
                age: own.age, timeout: own.limit, guards: parts.guards, effects: parts.effects,
                next: own.next.map { max($0.timestamp, now) }))
    }

    private func add(_ effect: PolicyEffect, to parts: inout ChangeParts, _ record: Record) throws(RecordError) {
        switch effect.kind {
        case .set(let field, let value):
            guard declared.writable.contains(field) else { throw undeclared("writes \(field)") }
            guard !parts.sets.contains(where: { $0.field == field }) else { throw fault("writes \(field) twice") }
            parts.sets.append(FieldWrite(field: field, value: value))
        case .remove:
            guard declared.removes else { throw undeclared("removes the record") }
            parts.removes = true
        case .discard(let key):
            guard declared.mayDiscard(key, of: record) else { throw undeclared("discards \(key)") }
            parts.effects.append(.discard(key))
        case .put(let put):
            guard declared.mayPut(put.key, put.kind, of: record) else {
                throw undeclared("writes to \(put.key) as a \(put.kind.rawValue)")
            }
            let push = try push(put)
            let questions = push.questions(about: record)
            parts.questions += questions
            guard questions.isEmpty else { return }
            let found = try push.over(record)
            parts.guards += found.guards
            parts.effects.append(.put(found.push))
        case .take(let member, let key):
            guard declared.mayPut(key, nil, of: record) else { throw undeclared("takes something out of \(key)") }
            try take(member, key, &parts, record)
        case .refund: try refund(&parts, record)
        case .publish(let message, let channel):
            guard declared.mayPublish(channel) else { throw undeclared("publishes to \(channel)") }
            parts.effects.append(.publish(Publication(channel: channel, message: message)))
        }
    }

    private func push(_ put: PolicyEffect.Put) throws(RecordError) -> Push {
        var push = Push(
            key: put.key, kind: put.kind, score: put.score, isAtHead: put.isAtHead, content: .text(put.text),
            field: put.field, keptFor: put.keptFor)
        if let score = put.score, Double(score)?.isFinite != true {
            throw fault("puts something into \(put.key) with the score \(score): expected a number")
        }
        if put.kind == .stream {
            guard !put.entry.isEmpty else { throw fault("adds an entry without fields to \(put.key)") }
            push.content = .fields(put.entry.map { FieldWrite(field: $0.name, value: $0.value) }, json: "")
        }
        if let time = put.keptFor, time < .milliseconds(1) || time > PolicyDeclaration.longest {
            throw fault("keeps \(put.key) for \(time.text): expected more than 0 and at most 100 years")
        }
        return push
    }

    private func take(
        _ member: String, _ key: String, _ parts: inout ChangeParts, _ record: Record
    ) throws(RecordError) {
        let question = Question.standing(key: key, member: member)
        switch record.answers[question] {
        case nil: parts.questions.append(question)
        case .standing(nil, _)?: return
        case .standing(.text?, _)?: throw RecordError("\(key) is a text: expected a list, a set, a zset or a hash")
        case .standing(let standing?, let expires)?:
            var taking = standing.taking(key, member)
            taking.expires = expires
            parts.guards.append(standing.guard(key, member))
            parts.effects.append(.take(taking))
        case .unreadable(let why)?: throw RecordError(why)
        case .some: throw RecordError("where \(member) stands in \(key) was answered with something else")
        }
    }

    private func refund(_ parts: inout ChangeParts, _ record: Record) throws(RecordError) {
        guard let refund = declared.refund else { throw undeclared("pays something back") }
        let name = refund.amount.fromProgram
        guard let raw = record.present(name), let amount = Amount(text: raw), amount >= 0 else {
            let found = record.present(name).map { "“\($0.shortened(to: 80))”" } ?? "missing"
            throw RecordError("\(name) is \(found): \(Amount.expectation)")
        }
        let balance = try refund.balance.template.expand(for: record)
        let ledger = try refund.ledger.template.expand(for: record)
        let entry = try refund.entry(of: record)
        parts.guard(name, asIn: record)
        parts.guard(refund.since.fromProgram, asIn: record)
        guard amount > 0 else { return }
        guard !parts.pays else { throw fault("pays back twice") }
        parts.pays = true
        let paid = Refund(
            amount: amount, balance: balance, field: refund.field?.fromProgram, ledger: ledger, entry: entry)
        parts.effects.append(.pay(paid))
    }

    /// Adds what is done to the record itself, guarded by what was read.
    private func finish(_ parts: inout ChangeParts, _ record: Record) throws(RecordError) {
        if parts.removes {
            if let set = parts.sets.first { throw fault("writes \(set.field) of a record that it removes") }
            var image = declared.fields.map { FieldWrite(field: $0, value: record[$0]) }
            if case .text(let text) = record.content {
                image = [FieldWrite(field: Record.valueField, value: text)]
                parts.guards.append(.text(equals: text))
            }
            parts.effects.append(.remove(image: image))
        } else if !parts.sets.isEmpty {
            if case .text = record.content, record.document == nil {
                throw fault("writes \(parts.sets[0].field) of \(record.key), which is a plain string")
            }
            let before = parts.sets.map { FieldWrite(field: $0.field, value: record[$0.field]) }
            for set in parts.sets { parts.guard(set.field, asIn: record) }
            parts.effects.append(.write(RecordWrite(parts.sets, before: before)))
        }
        guard !parts.effects.isEmpty else { throw fault("wants a change that does nothing now") }
    }
}

/// What is gathered of a change.
struct ChangeParts {
    var guards: [Policies.Guard] = []
    var effects: [Effect] = []
    var sets: [FieldWrite] = []
    var questions: [Question] = []
    var removes = false, pays = false

    /// Begins with the guards of the change; `effects`: how many it has.
    init(_ guards: [Policies.Guard], effects count: Int) {
        // One for each field that is written, and two for a refund.
        self.guards.reserveCapacity(guards.count + count + 2)
        self.guards += guards
        effects.reserveCapacity(count)
        sets.reserveCapacity(count)
    }

    /// Guards a field of the record as it was read, unless that is among the guards already: each costs Redis a look.
    mutating func `guard`(_ field: String, asIn record: Record) {
        let value = record[field]
        for case .field(field, equals: value) in guards { return }
        guards.append(.field(field, equals: value))
    }
}

/// What is wrong with the effects of a change as a whole.
extension CustomPolicy {
    private func check(_ effects: [PolicyEffect], of record: Record) throws(RecordError) {
        var size = 0
        for effect in effects { size += effect.size }
        guard size <= Self.mostBytes else {
            throw fault("wants to write \(size) bytes with one change: expected at most \(Self.mostBytes)")
        }
        if let twice = PolicyEffect.twice(effects) { throw fault(twice) }
        for effect in effects {
            guard case .discard(let key) = effect.kind, key == record.key else { continue }
            throw fault("discards \(key), which is the record itself: expected to remove it")
        }
    }

    /// An undo tells from the word for a change whether the record is in the trash.
    private func check(_ action: PolicyAction, removes: Bool, _ record: Record) throws(RecordError) {
        let isWord = action == .remove || action == .release
        if removes, !isWord {
            throw fault("removes the record, but calls it “\(action.action.rawValue)”: expected “remove” or “release”")
        }
        // Elsewhere to take it out of its registry is to remove it.
        guard record.place == nil || record.place?.body == .key else { return }
        if isWord, !removes {
            let word = action.action.rawValue
            throw fault("calls it “\(word)”, but leaves the record where it is: expected to remove it")
        }
    }
}

/// What must have been declared.
extension CustomPolicy {
    private func check(_ guards: [Policies.Guard]) throws(RecordError) {
        for item in guards {
            switch item {
            case .field(let name, _):
                guard declared.known.contains(name) else { throw undeclared("guards \(name)") }
            default:
                guard let key = item.otherKey, !declared.mayGuard(key) else { continue }
                throw undeclared("guards \(key)")
            }
        }
    }

    private func check(_ question: Question) throws(RecordError) {
        let look: PolicyRead.Look
        let key: String
        switch question {
        case .exists(let name): (key, look) = (name, .existence)
        case .field(let name, _): (key, look) = (name, .field)
        case .count(let name): (key, look) = (name, .size)
        case .standing(let name, _): (key, look) = (name, .members)
        case .members, .firstSeen, .recoveries, .idle, .expiry: return
        }
        guard declared.mayLook(key, look) else { throw undeclared("asks for \(key)") }
    }

    func fault(_ what: String) -> RecordError { RecordError("the policy \(Own.name) \(what)") }

    private func undeclared(_ what: String) -> RecordError {
        RecordError("the policy \(Own.name) \(what.shortened(to: 300)), which it doesn't declare")
    }
}
