internal import Policies

/// Turns verdicts into what `curfew_commit` understands: guards first, then writes, the index last.
///
/// The order of writes is a rule, not a taste. Only the first write of a change may fail on what it finds (a balance that
/// isn't a number), because then nothing has been written; every later one is on a key whose type is known by then. So
/// the balance comes first, then the ledger, the record, the queue and the event.
struct ChangeEncoder: Sendable {
    let cleanup: Cleanup
    let claim: Claim
    /// The time that events carry, in milliseconds.
    let time: String
    /// The length to which the events stream is trimmed.
    let streamLength: String
    /// Queue key → whether it is a stream.
    let streamQueues: [String: Bool]

    /// Collects keys, guards and writes of one change.
    private struct Parts {
        var keys: [String]
        var guards: [Statement.Guard] = []
        var writes: [Statement.Write] = []
        /// Guards are checked before the first write, so their values come first.
        var guardValues: [String] = []
        var writeValues: [String] = []

        mutating func key(_ name: String) -> Statement.Key {
            if let place = keys.firstIndex(of: name) { return .own(place) }
            keys.append(name)
            return .own(keys.count - 1)
        }

        mutating func check(
            _ check: Statement.Guard.Check, _ key: Statement.Key, field: String = "", value: String? = nil
        ) {
            guards.append(.init(check: check, key: key, takes: value == nil ? .none : .value, field: field))
            if let value { guardValues.append(value) }
        }

        mutating func write(_ command: String, _ key: Statement.Key, _ arguments: [(String, isHole: Bool)]) {
            writes.append(
                .init(command: command, key: key, arguments: arguments.map { $0.isHole ? .hole : .constant($0.0) }))
            for (text, isHole) in arguments where isHole { writeValues.append(text) }
        }

        func use(index: Statement.IndexEffect, member: String, score: String? = nil) -> StatementUse {
            StatementUse(
                statement: Statement(ownKeys: keys.count, index: index, guards: guards, writes: writes),
                member: member, score: score, keys: keys, values: guardValues + writeValues)
        }
    }

    /// Where the ledger guard stands among the guards of a change with a refund: it comes first.
    static let ledgerGuard = 0

    /// A change of a record.
    func encode(_ change: Change, of record: Record) -> StatementUse {
        var parts = Parts(keys: [record.key])
        if let refund = change.refund {
            let ledger = parts.key(refund.ledger)
            parts.guards.append(.init(check: .absent, key: ledger, takes: .field))
            parts.guardValues.append(refund.entry)
            let amount = String(refund.amount)
            parts.write("INCRBY", parts.key(refund.balance), [(amount, true)])
            parts.write("HSET", ledger, [(refund.entry, true), (amount, true)])
        }
        add(change.guards, to: &parts)
        addFields(change, to: &parts)
        if let push = change.push {
            let key = parts.key(push.key)
            if streamQueues[push.key] == true {
                parts.write("XADD", key, [("*", false), ("id", false), (record.id, true)])
            } else {
                parts.write("RPUSH", key, [(record.id, true)])
            }
        }
        if change.removesRecord {
            let trash = Keys.trash(of: record.key, run: claim.run)
            parts.write("RENAME", .own(0), [(trash, true)])
            parts.write("PEXPIRE", parts.key(trash), [(String(cleanup.undo.milliseconds), false)])
            if case .text = record.content { parts.write("HDEL", .shared(.seen), [(record.id, true)]) }
        }
        addEvent(change, of: record, to: &parts)
        if let next = change.next {
            return parts.use(index: .score, member: record.id, score: String(next.milliseconds))
        }
        return parts.use(index: .remove, member: record.id)
    }

    /// A record that needs no watching any more: its index entry goes, if record and entry are as they were read.
    func encode(dropOf entry: DueEntry, key: String, guards: [Policies.Guard]) -> StatementUse {
        var parts = Parts(keys: [key])
        addEntryGuard(entry, to: &parts)
        add(guards, to: &parts)
        if type(of: cleanup.policy).kind == .locks { parts.write("HDEL", .shared(.seen), [(entry.id, true)]) }
        return parts.use(index: .remove, member: entry.id)
    }

    /// A record that is to be looked at again later: its index entry gets that time, unless the app has moved it.
    func encode(leave: Leave, entry: DueEntry) -> StatementUse? {
        var parts = Parts(keys: [])
        addEntryGuard(entry, to: &parts)
        if let value = leave.remember {
            parts.write("HSET", .shared(.seen), [(entry.id, true), ("\(time) \(value)", true)])
        }
        guard let until = leave.until else {
            return parts.writes.isEmpty ? nil : parts.use(index: .none, member: entry.id)
        }
        return parts.use(index: .score, member: entry.id, score: String(until.milliseconds))
    }

    private func addEntryGuard(_ entry: DueEntry, to parts: inout Parts) {
        parts.guards.append(.init(check: .score, key: .shared(.index), takes: .both))
        parts.guardValues += [entry.id, entry.scoreText]
    }

    private func add(_ guards: [Policies.Guard], to parts: inout Parts) {
        for item in guards {
            switch item {
            case .field(let field, equals: let value?): parts.check(.equals, .own(0), field: field, value: value)
            case .field(let field, equals: nil): parts.check(.absent, .own(0), field: field)
            case .text(equals: let text): parts.check(.text, .own(0), value: text)
            case .recordMissing: parts.check(.missing, .own(0))
            case .keyAbsent(let key): parts.check(.missing, parts.key(key))
            case .keyPresent(let key): parts.check(.exists, parts.key(key))
            }
        }
    }

    private func addFields(_ change: Change, to parts: inout Parts) {
        var set: [(String, isHole: Bool)] = []
        var removed: [(String, isHole: Bool)] = []
        for write in change.sets {
            if let value = write.value {
                // The new status is the same for all changes of the statement; most other values differ.
                set += [(write.field, false), (value, value != change.to)]
            } else {
                removed.append((write.field, false))
            }
        }
        if !set.isEmpty { parts.write("HSET", .own(0), set) }
        if !removed.isEmpty { parts.write("HDEL", .own(0), removed) }
    }

    private func addEvent(_ change: Change, of record: Record, to parts: inout Parts) {
        parts.write(
            "XADD", .shared(.events),
            [
                ("MAXLEN", false), ("~", false), (streamLength, false), ("*", false), ("run", false),
                (claim.run, false), ("cleanup", false), (cleanup.name, false), ("record", false), (record.id, true),
                ("key", false), (record.key, true), ("action", false), (change.action.rawValue, false),
                ("from", false), (change.from, false), ("to", false), (change.to, false), ("reason", false),
                (change.reason, true), ("type", false), (change.type, true), ("tokens", false),
                (String(change.refund?.amount ?? 0), true), ("bytes", false), ("0", false), ("before", false),
                (JSONText.object(change.before.map { ($0.field, $0.value) }), true), ("at_ms", false), (time, false),
            ])
    }
}
