internal import Policies
internal import RedisClient

/// The events of a page's changes, as one call writes them: what is the same in all of them is sent once.
struct SagaEvents {
    /// The fields between those of the run and the time, by name, with what each event has there, and whether that is the
    /// same in all.
    private var all: [(name: String, values: [String], isShared: Bool)] = []

    /// The events of changes that have one.
    init(_ entries: some Collection<SagaEntry>, of plan: SagaPlan, for run: String) {
        func add(_ name: String, _ value: (SagaEntry, SagaEntry.Event) -> String) {
            let values = entries.compactMap { entry in entry.event.map { value(entry, $0) } }
            // At least one differs, so that the events can be counted.
            all.append((name, values, name != "record" && values.allSatisfy { $0 == values[0] }))
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

    /// The fields of all, in order, with their values where those are the same in all.
    func fields(run: String, cleanup: String) -> [(name: String, value: String?)] {
        [("run", run), ("cleanup", cleanup)] + all.map { ($0.name, $0.isShared ? $0.values[0] : nil) }
    }

    /// What differs: for each such field one value for each event.
    var columns: [[String]] { all.filter { !$0.isShared }.map(\.values) }
}
