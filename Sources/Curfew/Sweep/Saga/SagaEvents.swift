internal import Policies
internal import RedisClient

/// The events of a page's changes, as one call writes them: what is the same in all of them is sent once.
struct SagaEvents {
    /// The fields between those of the run and the time, by name, with what each event has there.
    private var columns: [(name: String, values: [String])] = []
    private let count: Int

    /// The events of changes that have one.
    init(_ entries: some Collection<SagaEntry>, of plan: SagaPlan, for run: String) {
        count = entries.count
        func add(_ name: String, _ value: (SagaEntry, SagaEntry.Event) -> String) {
            columns.append((name, entries.compactMap { entry in entry.event.map { value(entry, $0) } }))
        }
        add("record") { entry, _ in entry.id }
        add("key") { entry, _ in entry.key }
        add("action") { $1.action }
        add("from") { $1.from }
        add("to") { $1.to }
        add("reason") { entry, event in
            // What the ledger had already was found only when it was to be paid.
            guard let refund = entry.refund, entry.tokens == 0 else { return event.reason }
            return event.reason + Change.unpaidNote(refund)
        }
        add("type") { $1.type }
        add("tokens") { entry, _ in String(entry.tokens) }
        add("bytes") { String($1.bytes) }
        add("before") { JSONText.object($1.before, of: plan.run, for: run) }
        add("at_ms") { $1.time }
    }

    /// The call that writes them, all or none, unless the field says that they are written.
    func command(_ head: [String], note: String, length: Int, run: String, cleanup: String) -> RedisCommand {
        var words = ["MAXLEN", "~", String(length), "*", "run", run, "cleanup", cleanup]
        var holes: [Int] = []
        var own: [[String]] = []
        for (name, values) in columns {
            words.append(name)
            // At least one differs, so that the events can be counted.
            let isShared = name != "record" && values.allSatisfy { $0 == values[0] }
            words.append(isShared ? values[0] : "")
            guard !isShared else { continue }
            holes.append(words.count)
            own.append(values)
        }
        var command = RedisCommand(capacity: 512 + 400 * count)
        for word in head + [note, String(words.count)] + words { command.append(word) }
        command.append(holes.count)
        for hole in holes { command.append(hole) }
        for place in 0..<count {
            for values in own { command.append(values[place]) }
        }
        return command
    }
}
