internal import RedisClient

/// Writes the events of a page of changes in a Cluster, each once, under the lease: `curfew_record_events` in `parts.lua`.
struct RecordEventsCall: FunctionCall {
    let lease: LeaseTerm
    /// The hash of what is noted of the saga.
    let saga: String
    /// The stream of events.
    let events: String
    /// The fields of the saga that go along.
    let forgotten: [String]
    /// The field that says whose events are written, and what it is to say.
    let field: String
    let note: String
    /// What `XADD` is given before the fields.
    let head: [String]
    /// What is the same in all events, in order; empty where they differ.
    let fields: [(name: String, value: String?)]
    /// What differs, for each field without a value of its own: one for each event.
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

    /// Whether they were written now; false where they had been written before.
    ///
    /// Throws where the lease is of another term.
    func answer(_ reply: RedisValue) throws(CurfewError) -> Bool {
        try LeaseTerm.check(reply, lease, of: .recordEvents)
        return reply[1].integer == 1
    }
}

/// Takes entries out of an index, but for those that have moved since they were read: `curfew_unlist` in `parts.lua`.
struct UnlistCall: FunctionCall {
    let index: String
    /// The lease, where it is in the slot of the index.
    let lease: LeaseTerm?
    /// The members and their scores as they were read.
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

    /// The places of those that have moved.
    ///
    /// Throws where the lease is of another term.
    func answer(_ reply: RedisValue) throws(CurfewError) -> [Int] {
        try LeaseTerm.check(reply, lease, of: .unlist)
        return reply.elements.dropFirst().compactMap { $0.place(among: entries.count) }
    }
}
