internal import Algorithms
internal import Policies
internal import RedisClient

/// Finishes what runs before this one have begun in a Cluster and not brought to an end: those that died, those that lost
/// their lease, and those that were refused a part.
///
///     marks that are named ─► closed, all of them ─► each: what it holds is finished, and goes ─► named no more
///
/// It comes first in every run that writes, so a change that was begun is finished by the next run of its cleanup, whatever
/// its record has become meanwhile. Who began it may still be alive, frozen, and wake: for that its marks stay, closed,
/// until they expire, and with them what shows that other slots are written. A mark that its own run has left goes with
/// what it held.
struct SagaRecovery: Sendable {
    /// The most marks that may be unfinished: then something is wrong that no run can mend.
    static let mostMarks = 1_000

    /// How many fields one call takes away.
    private static let mostFields = 500

    let saga: Saga

    private var sweep: Sweep { saga.sweep }
    private var hash: String { sweep.engine.keys.saga(saga.claim.cleanup) }

    /// What is known of earlier runs, and what has come of it.
    private struct State {
        /// Whose events are written, by the field that says so.
        var told: [String: String]
        /// The fields that are to stay.
        var kept: Set<String> = []
        var counters = RunCounters()
    }

    /// Finishes everything that is unfinished; what came of it.
    func run() async throws -> RunCounters {
        let length = RedisCommand("HLEN", [hash])
        let count = try await sweep.retrying { try await sweep.engine.redis.send(length) }.integer ?? 0
        guard count > 0 else { return RunCounters() }
        let fields = RedisCommand("HGETALL", [hash])
        let pairs = try await sweep.retrying { try await sweep.engine.redis.send(fields) }.pairs
        let notes = pairs.filter { !SagaPlan.isTold($0.0) }.sorted { $0.0 < $1.0 }
        guard notes.count <= Self.mostMarks else {
            throw CurfewError(
                .damaged,
                "\(hash) names \(notes.count) unfinished marks: expected at most \(Self.mostMarks); see what “curfew history” says of them"
            )
        }
        var state = State(told: Dictionary(pairs.filter { SagaPlan.isTold($0.0) }, uniquingKeysWith: { $1 }))
        var marks: [(field: String, mark: SagaMark)] = []
        for (field, text) in notes {
            if let mark = SagaLogEntry.read(text), SagaLogEntry.field(of: mark) == field,
                mark.run(of: saga.claim.cleanup) != nil
            {
                marks.append((field, mark))
            } else {
                state.kept.insert(field)
                state.counters.failed(
                    field, "\(hash) holds something else than the name of a mark at \(field)", isRecord: false)
            }
        }
        try await saga.step(nil) { try await saga.close(marks.map(\.mark), isForGood: false) }
        for (field, mark) in marks where try await !finish(mark, &state) { state.kept.insert(field) }
        let gone = Set(pairs.map(\.0)).union(state.told.keys).subtracting(state.kept).sorted()
        try await saga.step(.ended) {
            for fields in gone.chunks(ofCount: Self.mostFields) {
                try await saga.home.forget(Array(fields))
            }
        }
        return state.counters
    }

    /// Finishes what a mark holds; whether all of it is through.
    private func finish(_ mark: SagaMark, _ state: inout State) async throws -> Bool {
        let command = RedisCommand("HGETALL", [mark.key])
        let pairs = try await sweep.retrying { try await sweep.engine.redis.send(command) }.pairs
        let omitted = Dictionary(pairs, uniquingKeysWith: { $1 })
        var isThrough = true
        for (field, text) in pairs.sorted(by: { $0.0 < $1.0 }) where mark.isPart(field) {
            try sweep.control.checkpoint()
            guard let plan = SagaPlan(text: text), plan.run == mark.run(of: saga.claim.cleanup) else {
                isThrough = false
                state.counters.failed(
                    field, "\(mark.key) holds something else than changes at \(field)", isRecord: false)
                continue
            }
            let part = SagaPart(mark: mark, field: field, places: plan.entries.map(\.place), node: nil)
            let made = SagaPart.made(of: plan.entries, omitting: omitted[part.omitted])
            if try await !finish(made, of: plan, part, &state) {
                isThrough = false
                state.kept.insert(plan.told)
            }
            sweep.control.advance { $0.step = "unfinished" }
        }
        guard isThrough else { return false }
        let isLeft = omitted[mark.closed] == SagaMark.left
        try await saga.step(nil) { try await isLeft ? saga.remove([mark]) : saga.close([mark]) }
        return true
    }

    private func finish(
        _ entries: [SagaEntry], of plan: SagaPlan, _ part: SagaPart, _ state: inout State
    ) async throws -> Bool {
        let encoder = sweep.committer(saga.claim).encoder(at: sweep.now)
        let calls = saga.calls(encoder)
        let doubts = entries.map { $0.doubt(sweep.cleanup, sweep.engine.keys) }
        let sound = zip(entries, doubts).filter { $0.1 == nil }.map(\.0)
        var (done, left) = try await saga.carryOut(sound, of: plan, calls, isRepeated: true)
        left += zip(entries, doubts).compactMap { entry, why in why.map { (entry, $0) } }
        let before = state.told[plan.told] ?? ""
        let told = try await saga.step(.told) { try await saga.home.tell(plan, done, after: before) }
        state.told[plan.told] = told.note
        try await saga.step(nil) { try await saga.home.unlistRemoved(done, from: sweep.index, sweep.engine.redis) }
        let rest = left.map(\.entry)
        _ = try await saga.step(nil) { try await saga.clear([part], of: plan, left: rest) }
        try await saga.step(.cleared) {
            _ = try await calls.make(done.flatMap { $0.onces(plan).map { .expire($0, after: Saga.patience) } })
        }
        for entry in done where told.written.contains(entry.place) {
            if let change = entry.counted { state.counters.changed(entry.id, change, isDryRun: false) }
        }
        for (entry, why) in left { state.counters.failed(entry.id, Saga.unfinished(why)) }
        return left.isEmpty
    }
}
