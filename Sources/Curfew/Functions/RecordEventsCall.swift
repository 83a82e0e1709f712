internal import RedisClient

/// Writes the events of a page of changes in a cluster, each once, under the lease: `curfew_record_events` in
/// `parts.lua`.
struct RecordEventsCall: FunctionCall {
    let lease: LeaseTerm
    /// The hash with the saga's log.
    let saga: String
    /// The stream of events.
    let events: String
    /// The fields of the log that are deleted in the same step.
    let forgotten: [String]
    /// The field that records that the events are written, and its value.
    let field: String
    let note: String
    /// The arguments of `XADD` before the fields.
    let head: [String]
    /// The fields of the events, with values that all events share; nil if they differ.
    let fields: [(name: String, value: String?)]
    /// The values of the differing fields, one per event.
    let columns: [[String]]

    var command: RedisCommand {
        let count = columns.first?.count ?? 0
        var words = head
        var holes: [Int] = []
        for (name, value) in fields {
            words += [name, value ?? ""]
            if value == nil { holes.append(words.count) }
        }
        var command = RedisCommand(capacity: 512 + 400 * count)
        let call = RedisFunction.recordEvents.command(
            keys: [lease.key, saga, events],
            [lease.term, String(forgotten.count)] + forgotten + [field, note, String(words.count)] + words)
        command.append(wordsOf: call)
        command.append(holes.count)
        for hole in holes { command.append(hole) }
        for place in 0..<count {
            for values in columns { command.append(values[place]) }
        }
        return command
    }

    /// Whether they were written now; false if they had been written before.
    ///
    /// Throws if the lease has another term.
    func answer(_ reply: RedisValue) throws(CurfewError) -> Bool {
        try LeaseTerm.check(reply, lease, of: .recordEvents)
        return reply[1].integer == 1
    }
}

/// Removes entries from an index, except those that have changed since they were read: `curfew_unlist` in `parts.lua`.
struct UnlistCall: FunctionCall {
    let index: String
    /// The lease, if it is in the slot of the index.
    let lease: LeaseTerm?
    /// The members with their scores as read.
    let entries: [(member: String, score: String)]

    var command: RedisCommand {
        var command = RedisFunction.unlist.command(
            keys: [index] + (lease.map { [$0.key] } ?? []), [lease?.term ?? ""])
        for (member, score) in entries {
            command.append(member)
            command.append(score)
        }
        return command
    }

    /// The positions of entries that have changed.
    ///
    /// Throws if the lease has another term.
    func answer(_ reply: RedisValue) throws(CurfewError) -> [Int] {
        try LeaseTerm.check(reply, lease, of: .unlist)
        return reply.elements.dropFirst().compactMap { $0.place(among: entries.count) }
    }
}
