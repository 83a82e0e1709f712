internal import Policies
internal import RedisClient

/// Commits a page of changes in a Cluster, where record, ledger, balance, queue, events and index live in different slots
/// and nothing can write to two of them at once.
///
///     1  our own slot        fence, plan             what the page comes to is written down
///     2  the records' slots  guards, writes, mark    a change is made here, or not at all
///     3  the others' slots   refund, queue, also     each once
///     4  our own slot        fence, events           each once
///     5  the records' slots  marks taken away
///     6  our own, index      fence, plan taken away, index entries last
///
/// Each step is one call for each node, all nodes at once, for all changes of the page. Events are written all or none, a
/// hundred or so in a call, and the plan's `told` field notes whose are written.
///
/// **Nothing is lost.** The record changes in one step with its ``SagaMark``. Whoever dies after that leaves the mark and the
/// ``SagaPlan``, and the next run of the cleanup begins with the plans it finds (``SagaRecovery``): a marked change is
/// finished, whatever has become of the record and its index entry meanwhile. What has not come to its mark has not
/// happened; it is still in the index.
///
/// **Nothing is done twice.** A refund is guarded by its entry in the ledger, everything else that isn't the same when
/// repeated by a mark in its own slot, written in the same step. Marks are named by lease and page, so that those of
/// different runs never meet. A run that has lost its lease is refused in steps 1, 4 and 6. Between them it can still touch
/// records; a later run closes the marks of a plan that it finds before it does anything else, and a closed mark refuses
/// step 2. Step 3, repeated, finds its own marks.
///
/// **What may go wrong, and what then:**
///
/// | event | outcome |
/// | --- | --- |
/// | a guard of step 2 doesn't hold | the change is not made, and counted as skipped |
/// | a reply of step 2 is lost | the marks say which changes were made |
/// | a reply of another step is lost | the step is repeated |
/// | another slot would refuse its part (a balance is no number) | the change is refused whole, by a look before step 1 |
/// | step 3 is refused for good (it has become so since) | the plan keeps that change, which is an error of every run until it goes through |
/// | a slot is moving | the change waits with the client until its keys are in one place again |
/// | the ledger gets the entry between the look before step 1 and step 3 | nothing is paid, and the event says so, where the balance shares its slot; else it is paid twice |
struct Saga: Sendable {
    /// How long marks are kept that might stop somebody who was frozen for long.
    static let patience: Duration = .seconds(7 * 86_400)

    let sweep: Sweep
    let claim: Claim

    /// A step that is over.
    enum Stage: CaseIterable, Sendable {
        case planned, changed, carriedOut, told, cleared, ended
    }

    /// Commits a page; what became of each record.
    func commit(_ page: [Judged], rescores: Bool) async throws -> [Committer.Result] {
        var work = try await sweep.retrying { try await SagaWork(page, rescores: rescores, self) }
        let calls = calls(work.encoder)
        if !work.plan.entries.isEmpty { try await step(.planned) { [plan = work.plan] in try await home.begin(plan) } }
        let looks = work.looks
        let outcomes = try await step(nil) { try await calls.make(looks.map(\.step)) }
        for (look, outcome) in zip(looks, outcomes) { work.looked(look.place, outcome) }
        if !work.plan.entries.isEmpty {
            try await change(&work, calls)
            try await finish(&work, calls)
        }
        let ending = work.ending
        let asRead = try await step(.ended) { try await home.end(ending, index: sweep.index) }
        work.ended(ending, asRead)
        return work.results
    }

    /// What follows where the record's part is made.
    private func finish(_ work: inout SagaWork, _ calls: SagaCalls) async throws {
        let plan = work.plan
        let (done, left) = try await carryOut(work.made, of: plan, calls, isRepeated: false)
        work.finished(done, left: left)
        try await step(.told) { _ = try await home.tell(plan, done) }
        // The record's mark first: while it is there, somebody may ask for the others.
        try await step(nil) { _ = try await calls.make(done.map { .clear($0.mark(plan)) }) }
        try await step(.cleared) { _ = try await calls.make(done.flatMap { $0.onces(plan).map { .clear($0) } }) }
    }

    /// Pays, pushes and moves what is in other slots; which entries are done, and which can't be, and why.
    ///
    /// A refund whose entry the ledger has already was paid by somebody else or, where this is a repetition, by us.
    func carryOut(
        _ entries: [SagaEntry], of plan: SagaPlan, _ calls: SagaCalls, isRepeated: Bool
    ) async throws -> (done: [SagaEntry], left: [(entry: SagaEntry, why: String)]) {
        let trash = sweep.cleanup.undo
        let steps = entries.enumerated().flatMap { number, entry in
            entry.steps(plan, keeping: trash).map { (number: number, step: $0) }
        }
        var isRepeated = isRepeated
        let outcomes = try await step(.carriedOut) {
            let outcomes: [CommitCall.Outcome]
            do {
                outcomes = try await calls.make(steps.map(\.step))
            } catch {
                isRepeated = true
                throw error
            }
            return outcomes
        }
        var entries = entries
        var complaints: [Int: String] = [:]
        for ((number, step), outcome) in zip(steps, outcomes) {
            switch (outcome, step) {
            case (.refused(let why), _): complaints[number] = complaints[number] ?? why
            case (.moved, .pay) where !isRepeated: entries[number].tokens = 0
            default: break
            }
        }
        let done = entries.indices.filter { complaints[$0] == nil }.map { entries[$0] }
        return (done, complaints.sorted { $0.key < $1.key }.map { (entries[$0.key], $0.value) })
    }

    /// Makes the records' parts of the changes.
    private func change(_ work: inout SagaWork, _ calls: SagaCalls) async throws {
        var open = work.open
        var isRepeated = false
        while !open.isEmpty {
            try checkLease()
            let outcomes: [CommitCall.Outcome]
            do {
                outcomes = try await calls.make(open.map { work.step($0) })
            } catch {
                guard Sweep.isPassing(error) else { throw error }
                open = try await unmarked(open, &work)
                isRepeated = true
                continue
            }
            var paid: [Int] = []
            var doubtful: [Int] = []
            for (place, outcome) in zip(open, outcomes) {
                if work.isPaidBefore(place, outcome) {
                    paid.append(place)
                } else if isRepeated, case .moved = outcome {
                    // What didn't hold may be what an earlier try has changed.
                    doubtful.append(place)
                } else {
                    work.changed(place, outcome)
                }
            }
            for place in try await unmarked(doubtful, &work) { work.changed(place, .moved(guardNumber: 0)) }
            try await work.reprice(paid, self)
            open = paid
        }
        try await pass(.changed)
    }

    /// Takes those changes as made that are marked; gives back the others.
    private func unmarked(_ places: [Int], _ work: inout SagaWork) async throws -> [Int] {
        let found = try await marks(places.map { work.mark($0) })
        for (place, mark) in zip(places, found) {
            if let mark, mark != .closed { work.changed(place, .made, isPaid: mark == .made) }
        }
        return zip(places, found).filter { $1 == nil || $1 == .closed }.map(\.0)
    }

    /// What marks say; nil where there is none.
    func marks(_ marks: [SagaMark]) async throws -> [SagaMark.State?] {
        guard !marks.isEmpty else { return [] }
        let commands = marks.map { RedisCommand("HGET", [$0.key, $0.page], isIdempotent: true) }
        let replies = try await sweep.retrying { try await sweep.engine.redis.pipeline(commands) }
        if let error = replies.lazy.compactMap(\.error).first {
            throw CurfewError(error, "reading how far a change is")
        }
        return replies.map { $0.string.flatMap(SagaMark.State.init) }
    }
}

extension Saga {
    /// Does a step that may be repeated, until it is answered or the lease is lost.
    ///
    /// A wish to stop doesn't end a page in the middle.
    func step<Value: Sendable>(_ stage: Stage?, _ body: () async throws -> Value) async throws -> Value {
        try checkLease()
        let value = try await sweep.retrying(body)
        if let stage { try await pass(stage) }
        return value
    }

    private func checkLease() throws {
        if sweep.control.stopReason() == .lost { throw RunControl.Stop.lost }
    }

    /// What is said of a change whose later parts are refused.
    static func unfinished(_ why: String) -> String {
        "changed, but not everything that follows could be written: \(why)"
    }

    /// Says that a step is over, to those who want to cut it off there.
    func pass(_ stage: Stage) async throws {
        await FailPoint.reached(stage.failPoint, sweep.cleanup)
        #if DEBUG
        try await Self.cut?(stage)
        #endif
    }

    #if DEBUG
    /// Where a test does something between two steps of a saga, or breaks it off by throwing.
    @TaskLocal static var cut: (@Sendable (Stage) async throws -> Void)?
    #endif

    func calls(_ encoder: ChangeEncoder) -> SagaCalls { SagaCalls(library: sweep.engine.library, encoder: encoder) }

    var home: SagaHome {
        SagaHome(
            library: sweep.engine.library, keys: sweep.engine.keys, claim: claim,
            streamLength: sweep.engine.configuration.streams.length)
    }
}
