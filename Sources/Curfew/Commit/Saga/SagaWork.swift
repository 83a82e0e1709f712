internal import Policies
internal import RedisClient

/// A page on its way through a ``Saga``: what is to be done, and what has become of it.
struct SagaWork: Sendable {
    /// How a change stands.
    private enum Fate {
        /// It is still to be made.
        case open
        /// What decided in other slots has changed.
        case kept
        /// The record's part is made.
        case made
        /// It is over, this way or that.
        case over
    }

    let plan: SagaPlan
    let encoder: ChangeEncoder
    private(set) var results: [CommitResult]
    private var page: [Evaluation]
    /// By the place in the page; nil where there is no change.
    private var splits: [SagaSplit?]
    private var fates: [Fate?]
    private var unpaid: Set<Int> = []
    /// Those whose events say little, because Redis has no memory left.
    private var brief: Set<Int> = []
    private let rescores: Bool
    /// The parts under whose marks something was made.
    private(set) var parts: [SagaPart] = []

    /// Splits a page, its refunds checked against the ledgers.
    init(_ page: [Evaluation], rescores: Bool, _ saga: Saga) async throws {
        let scope = saga.scope
        encoder = scope.encoder(at: scope.now)
        (self.page, results) = try await scope.priced(try await scope.queued(page))
        self.rescores = rescores
        splits = Array(repeating: nil, count: page.count)
        fates = Array(repeating: nil, count: page.count)
        for place in page.indices {
            guard case .change(let change) = self.page[place].decision else { continue }
            if case .refused = results[place] { continue }
            let split = SagaSplit(change, of: page[place].record, at: place, encoder)
            splits[place] = split
            fates[place] = .open
        }
        plan = SagaPlan(run: scope.run, page: "\(saga.lease.term)/\(scope.control.nextPage())")
    }

    /// A guard that is looked at before anything is written.
    struct Look: Sendable {
        let place: Int
        /// Its number among the guards of the change, or of the record that is dropped.
        let number: Int
        let step: SagaStep
    }

    /// What has to be looked at first: the guards of changes in other slots, and those of records that are dropped.
    var looks: [Look] {
        var looks: [Look] = []
        for place in page.indices {
            var guards = splits[place]?.others ?? []
            if case .drop(_, let conditions) = page[place].decision {
                guards = conditions.enumerated().map { ($1, $0) }
            }
            for (item, number) in guards {
                looks.append(Look(place: place, number: number, step: .look(item, at: item.otherKey ?? key(place))))
            }
        }
        return looks
    }

    /// What a look has shown.
    mutating func looked(_ look: Look, _ outcome: CommitCall.Outcome) {
        guard outcome != .made else { return }
        if splits[look.place] != nil, fates[look.place] == .open {
            fates[look.place] = .kept
            results[look.place] =
                if case .refused(let why) = outcome { .refused(why) } else { .moved(guardNumber: look.number) }
        } else if case .drop = page[look.place].decision {
            fates[look.place] = .kept
        }
    }

    /// The changes that are still to be made.
    var open: [Int] { fates.indices.filter { fates[$0] == .open } }

    /// The key of a record.
    func key(_ place: Int) -> String { page[place].record.key }

    /// The changes of a part, split.
    func splits(of part: SagaPart) -> [SagaSplit] {
        part.places.map { place in
            guard let split = splits[place] else { preconditionFailure("only changes are made") }
            return split
        }
    }

    /// What is left of the changes of a part once they are made, as text.
    func text(of part: SagaPart) -> [UInt8] {
        SagaPlan.text(run: plan.run, page: plan.page, splits(of: part).map(entry))
    }

    private func entry(_ split: SagaSplit) -> SagaEntry {
        var entry = split.entry
        if unpaid.contains(entry.place) { entry.tokens = 0 }
        if brief.contains(entry.place), let change = page[entry.place].change { entry = entry.brief(change) }
        return entry
    }

    /// Whether a change is made under ``SagaPart/isBrief``.
    func isBrief(_ place: Int) -> Bool { brief.contains(place) }

    /// There is no memory left for these changes: those that only remove or free go on, and gives them back; of all others
    /// it is the error.
    mutating func keepToFreeing(_ places: [Int], _ why: String) -> [Int] {
        let freeing = places.filter { page[$0].frees }
        brief.formUnion(freeing)
        for place in places where !page[place].frees { changed(place, .refused(why)) }
        return freeing
    }

    /// Whether something of the page removes or frees.
    var hasFreeing: Bool { page.hasFreeing }

    /// Whether a change was refused only because the ledger in its slot has its charge already.
    func isPaidBefore(_ place: Int, _ outcome: CommitCall.Outcome) -> Bool {
        guard outcome == .moved(guardNumber: ChangeEncoder.ledgerGuard) else { return false }
        return (splits[place]?.first.refund?.amount ?? 0) > 0
    }

    /// Changes whose charge is in the ledger get another entry, or no refund.
    mutating func reprice(_ places: [Int], _ saga: Saga) async throws {
        guard !places.isEmpty else { return }
        let repaid = try await saga.scope.retrying { [page] in try await saga.scope.repaid(places, of: page) }
        for (place, judged) in zip(places, repaid) {
            page[place] = judged
            guard let split = splits[place]?.with(refund: judged.change?.refund) else { continue }
            splits[place] = split
            if split.first.refund == nil { unpaid.insert(place) }
        }
    }

    /// What became of a change in the record's slot.
    mutating func changed(_ place: Int, _ outcome: CommitCall.Outcome) {
        fates[place] = outcome == .made ? .made : .over
        switch outcome {
        case .made: results[place] = .changed(isRefunded: true)
        case .moved(let number):
            let numbers = splits[place]?.numbers
            let own = numbers.flatMap { $0.indices.contains(number) ? $0[number] : nil }
            results[place] = .moved(guardNumber: own ?? number)
        case .refused(let why): results[place] = .refused(why)
        }
    }

    /// Some changes of a part are made.
    mutating func made(under part: SagaPart) { parts.append(part) }

    /// What is left of the changes that were made.
    var made: [SagaEntry] {
        var entries: [SagaEntry] = []
        entries.reserveCapacity(fates.count)
        for place in fates.indices where fates[place] == .made {
            if let split = splits[place] { entries.append(entry(split)) }
        }
        return entries
    }

    /// The other parts are made too, but for those that are left.
    mutating func finished(_ done: [SagaEntry], left: [(entry: SagaEntry, why: String)]) {
        for entry in done { results[entry.place] = .changed(isRefunded: entry.tokens != 0) }
        for (entry, why) in left {
            results[entry.place] = .refused(Saga.unfinished(why))
            fates[entry.place] = .over
        }
    }

    /// What ends the page.
    var ending: SagaLog.Ending {
        var ending = SagaLog.Ending()
        let notesFirstSeen = encoder.cleanup.notesFirstSeen
        let isIndexed = encoder.cleanup.isIndexed
        ending.index.reserveCapacity(page.count)
        for place in page.indices {
            let entry = page[place].entry
            let id = entry.id
            switch page[place].decision {
            case .change(let change) where fates[place] == .made:
                if notesFirstSeen { ending.seen.append((id, nil)) }
                guard change.indexEffect != .none, isIndexed else { continue }
                let score = change.next.map(encoder.cleanup.indexUnit.score)
                ending.index.append(.init(place: place, entry: entry, score: score))
            case .drop where fates[place] == nil:
                if notesFirstSeen { ending.seen.append((id, nil)) }
                ending.index.append(.init(place: place, entry: entry, score: nil))
            case .leave(let leave):
                if let value = leave.remember { ending.seen.append((id, "\(encoder.time) \(value)")) }
                guard rescores, isIndexed, let until = leave.until else { continue }
                let score = encoder.cleanup.indexUnit.score(of: until)
                ending.index.append(.init(place: place, entry: entry, score: score))
            case .change, .drop, .malformed: continue
            }
        }
        return ending
    }

    /// The page is over: which of its index entries were as they had been read.
    ///
    /// - Parameter unseen: why what was seen for the first time could not be noted; nil where it was.
    mutating func ended(_ ending: SagaLog.Ending, _ asRead: [Bool], unseen: String?) {
        for number in asRead.indices where asRead[number] {
            let place = ending.index[number].place
            switch page[place].decision {
            case .leave(let leave): results[place] = .left(isStalled: leave.isStalled, stays: false)
            case .drop: results[place] = .left(isStalled: false, stays: false)
            case .change, .malformed: continue
            }
        }
        guard let unseen else { return }
        for (place, judged) in page.enumerated() {
            if case .leave(let leave) = judged.decision, leave.remember != nil { results[place] = .refused(unseen) }
        }
    }
}
