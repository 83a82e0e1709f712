internal import Policies
internal import RedisClient

/// The events of a page's changes, as one call writes them: what is the same in all of them is sent once.
struct SagaEvents {
    /// The fields between those of the run and the time, by name, with what each event has there, and whether that is the
    /// same in all.
    private var all: [(name: String, values: [String], isShared: Bool)] = []

    /// The events of changes that have one.
    init(_ entries: some Collection<SagaEntry>, of plan: SagaPlan, for run: String) {
        for field in Event.Field.allCases where ![.run, .cleanup].contains(field) {
            let values = entries.compactMap { entry in entry.event.map { Self.value(field, of: entry, $0, plan, run) } }
            // At least one differs, so that the events can be counted.
            all.append((field.rawValue, values, field != .record && values.allSatisfy { $0 == values[0] }))
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

    /// The fields of all, in order, with their values where those are the same in all.
    func fields(run: String, cleanup: String) -> [(name: String, value: String?)] {
        [(Event.Field.run.rawValue, run), (Event.Field.cleanup.rawValue, cleanup)]
            + all.map { ($0.name, $0.isShared ? $0.values[0] : nil) }
    }

    /// What differs: for each such field one value for each event.
    var columns: [[String]] { all.filter { !$0.isShared }.map(\.values) }
}
