internal import Algorithms
internal import Policies
internal import RedisClient

/// The part of a saga that is written in the slot of Curfew's own keys, under the fence.
struct SagaLog: Sendable {
    private let library: FunctionLibrary
    private let keys: Keys
    private let cleanup: String
    private let run: String
    private let lease: LeaseTerm
    private let journal: Journal

    init(
        library: FunctionLibrary, keys: Keys, cleanup: String, run: String, lease: LeaseTerm, journal: Journal
    ) {
        (self.library, self.keys, self.cleanup, self.run) = (library, keys, cleanup, run)
        (self.lease, self.journal) = (lease, journal)
    }

    /// What becomes of an index entry, unless somebody has moved it since it was read.
    struct IndexStep: Sendable {
        /// Its place in the page.
        let place: Int
        /// The entry as it was read.
        let entry: DueEntry
        /// Its new score; nil takes it out.
        let score: String?

        /// Whether it goes, if it is as it was read.
        var isRemoval: Bool { score == nil && !entry.scoreText.isEmpty }
    }

    /// How many events one call writes at most: Redis is held for less than a millisecond.
    private static let mostEvents = 128

    /// How many index entries one call is about at most.
    private static let mostListed = 320

    /// How long parts are into which so much is split, if none is longer than that and all are about as long.
    private static func length(of count: Int, atMost limit: Int) -> Int {
        let parts = max(1, (count + limit - 1) / limit)
        return max(1, (count + parts - 1) / parts)
    }

    /// The hash of the marks that are in use, and of the events that are written.
    private var saga: String { keys.saga(cleanup) }

    /// Writes down marks, before they are used; without any it is a look at the fence.
    ///
    /// - Parameter isNote: whether also where Redis has no memory left.
    func announce(_ marks: [SagaMark], isNote: Bool = false) async throws {
        var change = PlainChange(member: "")
        change.write("HSET", .shared(.saga), SagaLogEntry.of(marks).flatMap { [.value($0.field), .value($0.text)] })
        _ = try await send(marks.isEmpty ? [] : [change], isNote: isNote)
    }

    /// Takes away what was written down of marks and events that are over.
    func forget(_ fields: [String]) async throws {
        guard !fields.isEmpty else { return }
        var change = PlainChange(member: "")
        change.write("HDEL", .shared(.saga), fields.map { .value($0) })
        _ = try await send([change], isNote: true)
    }

    /// Writes the events of changes that were made, each once; gives back which were written now, by their places, and
    /// the note on whose are written.
    ///
    /// - Parameters:
    ///   - before: whose events an earlier run has written, as it was noted.
    ///   - gone: the notes on pages that are over, which go along.
    func record(
        _ plan: SagaPlan, _ entries: [SagaEntry], after before: String = "", forgetting gone: [String] = []
    ) async throws -> (written: Set<Int>, note: String) {
        let known = Set(before.split(separator: " ").compactMap { Int($0) })
        var unrecorded = entries.filter { $0.hasEvent && (known.isEmpty || !known.contains($0.place)) }[...]
        // Claims have no events, and nothing that the rest could go along with.
        if unrecorded.isEmpty { try await forget(gone) }
        var note = before
        var written: Set<Int> = []
        // Calls of about one length: the longest of them is what others wait for.
        let length = Self.length(of: unrecorded.count, atMost: Self.mostEvents)
        while !unrecorded.isEmpty {
            let part = unrecorded.prefix(length)
            unrecorded = unrecorded.dropFirst(part.count)
            for entry in part { note += (note.isEmpty ? "" : " ") + String(entry.place) }
            let events = SagaEvents(part, of: plan, for: run)
            let call = RecordEventsCall(
                lease: lease, saga: saga, events: keys.events, forgotten: gone, field: plan.recorded, note: note,
                head: journal.words, fields: events.fields(run: run, cleanup: cleanup),
                columns: events.columns)
            if try await library.call(call) { written.formUnion(part.map(\.place)) }
        }
        return (written, note)
    }

    /// What ends a page.
    struct Ending: Sendable {
        var index: [IndexStep] = []
        /// What locks were seen for the first time, and when, and which are gone (nil).
        var seen: [(id: String, value: String?)] = []

        /// Whether it takes no memory to speak of: an entry that moves takes no more.
        var isSmall: Bool { seen.allSatisfy { $0.value == nil } }
    }

    /// Ends a page; for each step at the index whether its entry was as it had been read, and why what was seen for the
    /// first time isn't noted, where it isn't: only that takes memory.
    func end(_ ending: Ending, index: String) async throws -> (asRead: [Bool], unseen: String?) {
        do {
            let asRead = try await end(ending, index: index, isNote: ending.isSmall)
            return (asRead, nil)
        } catch let error as CurfewError where FullMemory.isMeant(error) {
            var rest = ending
            rest.seen.removeAll { $0.value != nil }
            let asRead = try await end(rest, index: index, isNote: true)
            return (asRead, FullMemory.refusal(of: error))
        }
    }

    private func end(_ ending: Ending, index: String, isNote: Bool) async throws -> [Bool] {
        let isHome = Slots.share(index, saga)
        var changes: [PlainChange] = []
        for (id, value) in ending.seen {
            var change = PlainChange(member: id)
            if let value {
                change.write("HSET", .shared(.seen), [.value(id), .value(value)])
            } else {
                change.write("HDEL", .shared(.seen), [.value(id)])
            }
            changes.append(change)
        }
        let removals = ending.index.indices.filter { ending.index[$0].isRemoval }
        let others = ending.index.indices.filter { !ending.index[$0].isRemoval }
        var isAsRead = [Bool](repeating: true, count: ending.index.count)
        if !changes.isEmpty, !isHome || others.isEmpty {
            _ = try await send(changes, index: isHome ? index : nil, isNote: isNote)
            changes = []
        }
        for part in others.chunks(ofCount: Self.length(of: others.count, atMost: Self.mostListed)) {
            let steps = part.map { ending.index[$0] }
            if isHome {
                let outcomes = try await send(changes, index: index, steps, isNote: isNote)
                try Self.note(outcomes.suffix(steps.count), at: part, &isAsRead)
                changes = []
                continue
            }
            // There is no fence where the app has its index, but an entry that was moved is left alone there too.
            var call = CommitCall(lease: nil, index: index, shared: [index])
            Self.add(steps, to: &call)
            try Self.note(call.outcomes(of: try await library.call(call.note()))[...], at: part, &isAsRead)
        }
        for part in removals.chunks(ofCount: Self.length(of: removals.count, atMost: Self.mostListed)) {
            let entries = part.map { (ending.index[$0].entry.id, ending.index[$0].entry.scoreText) }
            for number in try await unlist(entries, from: index, isHome: isHome) {
                isAsRead[part[part.startIndex + number]] = false
            }
        }
        return isAsRead
    }

    private static func note(
        _ outcomes: ArraySlice<CommitCall.Outcome>, at places: ArraySlice<Int>, _ isAsRead: inout [Bool]
    ) throws {
        for case .refused(let why) in outcomes { throw CurfewError(.server, why) }
        for (place, outcome) in zip(places, outcomes) { isAsRead[place] = outcome == .made }
    }

    /// Takes entries out of the index; the numbers of those that have moved since they were read, and stay.
    private func unlist(
        _ entries: [(member: String, score: String)], from index: String, isHome: Bool
    ) async throws -> [Int] {
        // The fence is where the lease is.
        try await library.call(UnlistCall(index: index, lease: isHome ? lease : nil, entries: entries))
    }

    /// Takes the entries of records out of the index that were removed by changes which are through.
    func unlistRemoved(_ entries: [SagaEntry], from index: String, _ redis: RedisClient) async throws {
        let removed = entries.filter { Change.Action(rawValue: $0.told(.action))?.removesRecord == true }
        guard !removed.isEmpty else { return }
        let replies = try await redis.pipeline(
            removed.flatMap {
                [
                    RedisCommand("ZSCORE", [index, $0.id]),
                    RedisCommand("EXISTS", [$0.key]),
                ]
            })
        for error in replies.lazy.compactMap(\.error) { throw CurfewError(error, "reading \(index)") }
        let listed = removed.enumerated().compactMap { number, entry -> (String, String)? in
            guard let score = replies[2 * number].string, replies[2 * number + 1].integer == 0 else { return nil }
            return (entry.id, score)
        }
        guard !listed.isEmpty else { return }
        _ = try await unlist(listed, from: index, isHome: Slots.share(index, saga))
    }

    private static func add(_ steps: [IndexStep], to call: inout CommitCall) {
        var numbers: [[Bool]: Int] = [:]
        for step in steps {
            let form = [step.score != nil, step.entry.scoreText.isEmpty]
            if let number = numbers[form] {
                _ = call.append(.same(number), member: step.entry.id, score: step.score) { encode(step, to: &$0) }
            } else {
                var sink = StatementSink(index: step.score == nil ? .remove : .score)
                encode(step, to: &sink)
                numbers[form] = call.append(.new(sink.statement), member: step.entry.id, score: step.score) {
                    encode(step, to: &$0)
                }
            }
        }
    }

    /// An entry that the index didn't have is entered without asking.
    private static func encode(_ step: IndexStep, to sink: inout some CommitSink) {
        guard !step.entry.scoreText.isEmpty else { return }
        sink.check(.score, .shared(.index), field: .own(.member), value: .own(sink.value(step.entry.scoreText)))
    }

    private func makeCall(index: String? = nil) -> CommitCall {
        CommitCall(
            lease: (lease.key, lease.term), index: index ?? keys.index(cleanup),
            shared: [index ?? keys.index(cleanup), keys.events, keys.seen(cleanup), saga])
    }

    private func send(
        _ changes: [PlainChange], index: String? = nil, _ steps: [IndexStep] = [], isNote: Bool = false
    ) async throws -> [CommitCall.Outcome] {
        var call = makeCall(index: index)
        var known = PlainChange.Known()
        for change in changes { change.append(to: &call, &known) }
        Self.add(steps, to: &call)
        let outcomes = try call.outcomes(of: try await library.call(isNote ? call.note() : call.command()))
        for case .refused(let why) in outcomes.prefix(changes.count) { throw CurfewError(.server, why) }
        return outcomes
    }
}

/// The events of a page's changes, as one call writes them: what is the same in all of them is sent once.
struct SagaEvents {
    /// The fields between those of the run and the time, by name, with what each event has there, and whether that is the
    /// same in all.
    private var all: [(name: String, values: [String], isShared: Bool)] = []

    /// The events of changes that have one.
    init(_ entries: some Collection<SagaEntry>, of plan: SagaPlan, for run: String) {
        let entries = entries.filter(\.hasEvent)
        guard let first = entries.first else { return }
        for field in Event.Field.allCases where ![.run, .cleanup].contains(field) {
            let value = Self.value(field, of: first, plan, run)
            // At least one differs, so that the events can be counted.
            let same = field == .record ? 0 : entries.prefix { Self.isAlike(field, $0, first, plan, run, value) }.count
            let isShared = same == entries.count
            if isShared, value.isEmpty, [.carry, .entries].contains(field) { continue }
            var values = [String](repeating: value, count: isShared ? 1 : same)
            if !isShared {
                values.reserveCapacity(entries.count)
                for entry in entries[same...] { values.append(Self.value(field, of: entry, plan, run)) }
            }
            all.append((field.rawValue, values, isShared))
        }
    }

    /// Whether an entry has the same in a field as the first.
    private static func isAlike(
        _ field: Event.Field, _ entry: SagaEntry, _ first: SagaEntry, _ plan: SagaPlan, _ run: String, _ value: String
    ) -> Bool {
        field == .tokens ? entry.tokens == first.tokens : Self.value(field, of: entry, plan, run) == value
    }

    private static func value(
        _ field: Event.Field, of entry: SagaEntry, _ plan: SagaPlan, _ run: String
    ) -> String {
        switch field {
        case .record: return entry.id
        case .key: return entry.key
        case .reason:
            // What the ledger had already was found only when it was to be paid.
            guard entry.tokens == 0, let refund = entry.refund else { return entry.told(field) }
            return entry.told(field) + Change.unpaidNote(refund)
        case .tokens: return String(entry.tokens)
        case .before: return BeforeImage.text(entry.told(field), of: plan.run, for: run)
        case .run, .cleanup, .action, .from, .to, .type, .bytes, .time, .carry, .entries: return entry.told(field)
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
