internal import Policies
internal import RedisClient

/// Commits a page of changes in a Cluster, where record, ledger, balance, queue, events and index live in different slots
/// and nothing can write to two of them at once.
///
///     1  our own slot        fence, marks            the name of each that is used for the first time
///     2  the records' slots  guards, writes, mark    a change is made here, or not at all
///     3  the others' slots   refund, queue, also     each once
///     4  our own slot        fence, events           each once
///     5  index               index entries, after everything that their records needed
///     6  the records' slots  marks taken away
///
/// Each step is one call for each node, all nodes at once, for all changes of the page. Events are written all or none, a
/// hundred or so in a call, and a field in our own slot notes whose are written.
///
/// **Nothing is lost.** What a node makes of a page's records it makes in one step, and in the same step it writes down what
/// is left of these changes under a ``SagaMark``. Marks are named in our own slot before they are used, and stay named until
/// the run is over. Whoever dies leaves both, and the next run of the cleanup begins with the marks it finds
/// (``SagaRecovery``): what was begun is finished, whatever has become of the records and their index entries meanwhile. What
/// has not come to a mark has not happened; it is still in the index. Marks go after the index entries, so that an entry
/// whose record was removed here is never taken for one that fits no record (``IndexCheck``).
///
/// **Nothing is done twice.** A refund is guarded by its entry in the ledger, everything else that isn't the same when
/// repeated by a ``SagaOnce`` in its own slot, written in the same step. Both are named by lease and page, so that those of
/// different runs never meet. A run that has lost its lease is refused in steps 1 and 4. Between them it can still touch
/// records; a later run closes all marks that it finds before it does anything else, and a closed mark refuses step 2. Step
/// 3, repeated, finds that it was taken.
///
/// **What may go wrong, and what then:**
///
/// | event | outcome |
/// | --- | --- |
/// | a guard of step 2 doesn't hold | the change is not made, and counted as skipped |
/// | a reply of step 2 is lost | the mark says which changes were made |
/// | a reply of another step is lost | the step is repeated |
/// | another slot would refuse its part (a balance is no number) | the change is refused whole, by a look before step 1 |
/// | step 3 is refused for good (it has become so since) | the mark keeps that change, which is an error of every run until it goes through |
/// | a slot is moving | the change waits with the client until its keys are in one place again, under a mark of its own |
/// | the slot of a mark has moved | the next page gets another mark; what is written is found where it went |
/// | the ledger gets the entry between the look before step 1 and step 3 | nothing is paid, and the event says so, where the balance shares its slot; else it is paid twice |
struct Saga: Committing {
    /// How long marks are kept that might stop somebody who was frozen for long.
    static let patience: Duration = .seconds(7 * 86_400)

    let scope: CommitScope
    let lease: LeaseTerm
    let marks: SagaMarks

    /// The sagas of a run; ``close()`` ends them.
    init(_ scope: CommitScope, _ lease: LeaseTerm) {
        (self.scope, self.lease, marks) = (scope, lease, SagaMarks(run: scope.run, term: lease.term))
    }

    /// A step that is over.
    enum Stage: CaseIterable, Sendable {
        case planned, changed, carriedOut, recorded, ended, cleared
    }

    /// Commits a page; what became of each record.
    ///
    /// Its steps are repeated by themselves.
    func commit(_ page: [Evaluation], rescores: Bool, repeats: Bool) async throws -> [CommitResult] {
        var work = try await scope.retrying { try await SagaWork(page, rescores: rescores, self) }
        let calls = calls(work.encoder)
        let changes = SagaChanges(saga: self, calls: calls)
        if !work.open.isEmpty { try await changes.begin(&work) }
        let looks = work.looks
        let outcomes = try await step(nil) { try await calls.make(looks.map(\.step)) }
        for (look, outcome) in zip(looks, outcomes) { work.looked(look, outcome) }
        if !work.open.isEmpty {
            marks.begun()
            try await changes.make(&work)
            let finished = try await finish(&work, calls)
            try await end(&work)
            try await clear(finished, of: work, calls)
        } else {
            try await end(&work)
        }
        return work.results
    }

    /// Takes out of the index what is over, and gives the rest its new place.
    private func end(_ work: inout SagaWork) async throws {
        let ending = work.ending
        let (asRead, unseen) = try await step(.ended) { try await log.end(ending, index: index) }
        work.ended(ending, asRead, unseen: unseen)
    }

    /// Ends the sagas of the run, of which nothing is on its way any more: its marks are named no more, but for those that
    /// hold something.
    func close() async throws {
        let ending = marks.takeEnding()
        // Somebody may still come for these, in a call that was never answered.
        try await step(nil) { try await close(ending.doubtful) }
        let empty = try await step(nil) { try await leave(ending.left) }
        let fields = (ending.marks + empty).map(SagaLogEntry.field) + ending.recorded
        try await step(nil) { try await log.forget(fields) }
    }

    /// What follows where the record's part is made; the changes that are through, and those that are not.
    private func finish(
        _ work: inout SagaWork, _ calls: SagaCalls
    ) async throws -> (done: [SagaEntry], left: [SagaEntry]) {
        let plan = work.plan
        let (done, left) = try await carryOut(work.made, of: plan, calls, isRepeated: false)
        work.finished(done, left: left)
        let gone = marks.takeRecorded()
        try await step(.recorded) { _ = try await log.record(plan, done, forgetting: gone) }
        return (done, left.map(\.entry))
    }

    /// Takes away the marks of changes that are through.
    private func clear(
        _ finished: (done: [SagaEntry], left: [SagaEntry]), of work: SagaWork, _ calls: SagaCalls
    ) async throws {
        let (plan, parts) = (work.plan, work.parts)
        // The records' marks first: while they are there, somebody may ask for the others.
        let unfinished = try await step(nil) { try await clear(parts, of: plan, left: finished.left) }
        try await step(.cleared) {
            _ = try await calls.make(finished.done.flatMap { $0.onces(plan).map { .clear($0) } })
        }
        marks.ended(plan, left: unfinished)
    }

    /// Pays, pushes and moves what is in other slots; which entries are done, and which can't be, and why.
    ///
    /// A refund whose entry the ledger has already was paid by somebody else or, where this is a repetition, by us.
    func carryOut(
        _ entries: [SagaEntry], of plan: SagaPlan, _ calls: SagaCalls, isRepeated: Bool
    ) async throws -> (done: [SagaEntry], left: [(entry: SagaEntry, why: String)]) {
        var steps: [SagaStep] = []
        // Whose they are.
        var numbers: [Int] = []
        steps.reserveCapacity(entries.count)
        numbers.reserveCapacity(entries.count)
        for (number, entry) in entries.enumerated() {
            entry.addSteps(plan, to: &steps)
            while numbers.count < steps.count { numbers.append(number) }
        }
        var isRepeated = isRepeated
        let outcomes = try await step(.carriedOut) { [steps] in
            let outcomes: [CommitCall.Outcome]
            do {
                outcomes = try await calls.make(steps)
            } catch {
                isRepeated = true
                throw error
            }
            return outcomes
        }
        var entries = entries
        var complaints: [Int: String] = [:]
        for ((number, step), outcome) in zip(zip(numbers, steps), outcomes) {
            switch (outcome, step) {
            case (.refused(let why), _): complaints[number] = complaints[number] ?? why
            case (.moved, .effect(.pay, _, _)) where !isRepeated: entries[number].tokens = 0
            default: break
            }
        }
        let done = complaints.isEmpty ? entries : entries.indices.filter { complaints[$0] == nil }.map { entries[$0] }
        return (done, complaints.sorted { $0.key < $1.key }.map { (entries[$0.key], $0.value) })
    }

    /// Takes away what marks say of parts of a page, all but what is left; the marks that still hold something.
    func clear(_ parts: [SagaPart], of plan: SagaPlan, left: [SagaEntry]) async throws -> [SagaMark] {
        var unfinished: [SagaMark] = []
        var notes: [(mark: SagaMark, change: PlainChange)] = []
        var commands: [RedisCommand] = []
        for part in parts {
            let rest = left.isEmpty ? [] : left.filter { part.places.contains($0.place) }
            guard !rest.isEmpty else {
                commands.append(RedisCommand.repeatable("HDEL", [part.mark.key, part.field, part.omitted]))
                continue
            }
            unfinished.append(part.mark)
            let text = ByteText.held(SagaPlan.text(run: plan.run, page: plan.page, rest))
            let words = [part.field, text, part.omitted, ""].map { PlainChange.Argument.value($0) }
            var change = PlainChange(member: "")
            change.write("HSET", .own(part.mark.key), words)
            notes.append((part.mark, change))
        }
        try await write(commands)
        _ = try await note(notes)
        return unfinished
    }

    /// Lets nobody make anything more under these marks.
    ///
    /// - Parameter isForGood: whether they hold nothing any more, and wait for who might come; they expire then.
    func close(_ marks: [SagaMark], isForGood: Bool = true) async throws {
        _ = try await note(
            marks.map { mark in
                var change = PlainChange(member: "")
                // One that its own run has closed stays so.
                change.write(isForGood ? "HSET" : "HSETNX", .own(mark.key), [.value(mark.closed), .constant("closed")])
                if isForGood {
                    change.write("PEXPIRE", .own(mark.key), [.constant(String(Self.patience.milliseconds))])
                }
                return (mark, change)
            })
    }

    /// Closes marks that their own run leaves, so that whoever finishes what they hold knows that nobody else comes; those
    /// that hold nothing.
    private func leave(_ marks: [SagaMark]) async throws -> [SagaMark] {
        let outcomes = try await note(
            marks.map { mark in
                var change = PlainChange(member: "")
                change.checks = [.init(check: .exists, key: mark.key, complaint: "")]
                change.write("HSET", .own(mark.key), [.value(mark.closed), .constant(SagaMark.left)])
                return (mark, change)
            })
        return zip(marks, outcomes).filter { $1 != .made }.map(\.0)
    }

    /// Takes away marks that hold nothing, and that nobody comes back under.
    func remove(_ marks: [SagaMark]) async throws {
        try await write(marks.map { RedisCommand.repeatable("HDEL", [$0.key, $0.closed]) })
    }

    private func write(_ commands: [RedisCommand]) async throws {
        guard !commands.isEmpty else { return }
        for error in try await scope.redis.pipeline(commands).lazy.compactMap(\.error) {
            throw CurfewError(error, "writing how far changes are")
        }
    }

    /// Writes at marks, each in its slot, also where a node has no memory left.
    private func note(_ notes: [(mark: SagaMark, change: PlainChange)]) async throws -> [CommitCall.Outcome] {
        guard !notes.isEmpty else { return [] }
        let library = scope.library
        let calls = notes.map { mark, change in
            var call = CommitCall(lease: nil, index: mark.key, shared: [])
            var known = PlainChange.Known()
            change.append(to: &call, &known)
            return call
        }
        let commands = calls.map { library.outgoing($0.note()) }
        let replies = try await scope.redis.pipeline(commands)
        var outcomes: [CommitCall.Outcome] = []
        for (number, call) in calls.enumerated() {
            outcomes += try call.outcomes(of: try await library.checked(replies[number], of: commands[number]))
        }
        for case .refused(let why) in outcomes { throw CurfewError(.server, "writing how far changes are: \(why)") }
        return outcomes
    }

    /// What marks say of parts; nil where nothing.
    func notes(on parts: [SagaPart]) async throws -> [(text: String?, omitted: String?)] {
        let commands = parts.map { RedisCommand("HMGET", [$0.mark.key, $0.field, $0.omitted]) }
        let replies = try await scope.retrying { try await scope.redis.pipeline(commands) }
        if let error = replies.lazy.compactMap(\.error).first {
            throw CurfewError(error, "reading how far changes are")
        }
        return replies.map { ($0[0].string, $0[1].string) }
    }
}

extension Saga {
    /// Does a step that may be repeated, until it is answered or the lease is lost.
    ///
    /// A wish to stop doesn't end a page in the middle.
    func step<Value: Sendable>(_ stage: Stage?, _ body: () async throws -> Value) async throws -> Value {
        if let loss = scope.control.loss { throw loss }
        let value = try await scope.retrying(body)
        if let stage { try await pass(stage) }
        return value
    }

    /// What is said of a change whose later parts are refused.
    static func unfinished(_ why: String) -> String {
        "changed, but not everything that follows could be written: \(why); the next run tries again"
    }

    /// Says that a step is over, to those who want to cut it off there.
    func pass(_ stage: Stage) async throws {
        await FailPoint.reached(stage.failPoint, scope.cleanup)
        #if DEBUG
        try await Self.cut?(stage)
        #endif
    }

    #if DEBUG
    /// Where a test does something between two steps of a saga, or breaks it off by throwing.
    @TaskLocal static var cut: (@Sendable (Stage) async throws -> Void)?
    #endif

    func calls(_ encoder: ChangeEncoder) -> SagaCalls { SagaCalls(library: scope.library, encoder: encoder) }

    var log: SagaLog {
        SagaLog(
            library: scope.library, keys: scope.keys, cleanup: scope.cleanup.name, run: scope.run, lease: lease,
            journal: scope.journal)
    }

    /// The key of the cleanup's index.
    var index: String { scope.cleanup.indexKey(scope.keys) }

    /// Finishes what earlier runs have begun; what came of it.
    func finishEarlier() async throws -> [Finished] { try await SagaRecovery(saga: self).run() }
}
