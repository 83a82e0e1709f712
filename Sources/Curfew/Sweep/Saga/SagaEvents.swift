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
        for field in Event.Field.allCases where ![.run, .cleanup].contains(field) {
            let values = entries.compactMap { entry in entry.event.map { Self.value(field, of: entry, $0, plan, run) } }
            columns.append((field.rawValue, values))
        }
    }

    private static func value(
        _ field: Event.Field, of entry: SagaEntry, _ event: Event, _ plan: SagaPlan, _ run: String
    ) -> String {
        switch field {
        case .record: return entry.id
        case .key: return entry.key
        case .reason:
            // What the ledger had already was found only when it was to be paid.
            guard let refund = entry.refund, entry.tokens == 0 else { return event.reason }
            return event.reason + Change.unpaidNote(refund)
        case .tokens: return String(entry.tokens)
        case .before: return BeforeImage.text(event.before, of: plan.run, for: run)
        case .run, .cleanup, .action, .from, .to, .type, .bytes, .time: return event[field]
        }
    }

    /// The call that writes them, all or none, unless the field says that they are written.
    func command(_ head: [String], note: String, to journal: Journal, run: String, cleanup: String) -> RedisCommand {
        var words = journal.words + [Event.Field.run.rawValue, run, Event.Field.cleanup.rawValue, cleanup]
        var holes: [Int] = []
        var own: [[String]] = []
        for (name, values) in columns {
            words.append(name)
            // At least one differs, so that the events can be counted.
            let isShared = name != Event.Field.record.rawValue && values.allSatisfy { $0 == values[0] }
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
