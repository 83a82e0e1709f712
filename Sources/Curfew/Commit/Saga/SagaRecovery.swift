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

    private var scope: CommitScope { saga.scope }
    private var hash: String { scope.keys.saga(scope.cleanup.name) }

    /// What is known of earlier runs, and what has come of it.
    private struct State {
        /// Whose events are written, by the field that says so.
        var recorded: [String: String]
        /// The fields that are to stay.
        var kept: Set<String> = []
        var finished: [Finished] = []
    }

    /// Finishes everything that is unfinished; what came of it.
    func run() async throws -> [Finished] {
        let length = RedisCommand("HLEN", [hash])
        let count = try await scope.retrying { try await scope.redis.send(length) }.integer ?? 0
        guard count > 0 else { return [] }
        let fields = RedisCommand("HGETALL", [hash])
        let pairs = try await scope.retrying { try await scope.redis.send(fields) }.pairs
        let notes = pairs.filter { !SagaPlan.isRecorded($0.0) }.sorted { $0.0 < $1.0 }
        guard notes.count <= Self.mostMarks else {
            throw CurfewError(
                .damaged,
                "\(hash) names \(notes.count) unfinished marks: expected at most \(Self.mostMarks); see what “curfew history” says of them"
            )
        }
        var state = State(recorded: Dictionary(pairs.filter { SagaPlan.isRecorded($0.0) }, uniquingKeysWith: { $1 }))
        var marks: [(field: String, mark: SagaMark)] = []
        for (field, text) in notes {
            if let mark = SagaLogEntry.read(text), SagaLogEntry.field(of: mark) == field,
                mark.run(of: scope.cleanup.name) != nil
            {
                marks.append((field, mark))
            } else {
                state.kept.insert(field)
                let why = "\(hash) holds something else than the name of a mark at \(field)"
                state.finished.append(.failed(field, why, isRecord: false))
            }
        }
        try await saga.step(nil) { try await saga.close(marks.map(\.mark), isForGood: false) }
        for (field, mark) in marks where try await !finish(mark, &state) { state.kept.insert(field) }
        let gone = Set(pairs.map(\.0)).union(state.recorded.keys).subtracting(state.kept).sorted()
        try await saga.step(.ended) {
            for fields in gone.chunks(ofCount: Self.mostFields) {
                try await saga.log.forget(Array(fields))
            }
        }
        return state.finished
    }

    /// Finishes what a mark holds; whether all of it is through.
    private func finish(_ mark: SagaMark, _ state: inout State) async throws -> Bool {
        let command = RedisCommand("HGETALL", [mark.key])
        let pairs = try await scope.retrying { try await scope.redis.send(command) }.pairs
        let omitted = Dictionary(pairs, uniquingKeysWith: { $1 })
        var isThrough = true
        for (field, text) in pairs.sorted(by: { $0.0 < $1.0 }) where mark.isPart(field) {
            try scope.control.mayContinue()
            guard let plan = SagaPlan(text: text), plan.run == mark.run(of: scope.cleanup.name) else {
                isThrough = false
                let why = "\(mark.key) holds something else than changes at \(field)"
                state.finished.append(.failed(field, why, isRecord: false))
                continue
            }
            let part = SagaPart(mark: mark, field: field, places: plan.entries.map(\.place), node: nil)
            let made = SagaPart.made(of: plan.entries, omitting: omitted[part.omitted])
            if try await !finish(made, of: plan, part, &state) {
                isThrough = false
                state.kept.insert(plan.recorded)
            }
            scope.control.isFinishing()
        }
        guard isThrough else { return false }
        let isLeft = omitted[mark.closed] == SagaMark.left
        try await saga.step(nil) { try await isLeft ? saga.remove([mark]) : saga.close([mark]) }
        return true
    }

    private func finish(
        _ entries: [SagaEntry], of plan: SagaPlan, _ part: SagaPart, _ state: inout State
    ) async throws -> Bool {
        // What was moved to the trash lies there under the name of the run that began it.
        var encoder = scope.encoder(at: scope.now)
        encoder.run = plan.run
        let calls = saga.calls(encoder)
        let doubts = entries.map { $0.doubt(scope.cleanup, scope.keys) }
        let sound = zip(entries, doubts).filter { $0.1 == nil }.map(\.0)
        var (done, left) = try await saga.carryOut(sound, of: plan, calls, isRepeated: true)
        left += zip(entries, doubts).compactMap { entry, why in why.map { (entry, $0) } }
        let before = state.recorded[plan.recorded] ?? ""
        let recorded = try await saga.step(.recorded) { try await saga.log.record(plan, done, after: before) }
        state.recorded[plan.recorded] = recorded.note
        try await saga.step(nil) { try await saga.log.unlistRemoved(done, from: saga.index, scope.redis) }
        let rest = left.map(\.entry)
        _ = try await saga.step(nil) { try await saga.clear([part], of: plan, left: rest) }
        try await saga.step(.cleared) {
            _ = try await calls.make(done.flatMap { $0.onces(plan).map { .expire($0, after: Saga.patience) } })
        }
        for entry in done where recorded.written.contains(entry.place) {
            if let change = entry.counted { state.finished.append(.changed(id: entry.id, change)) }
        }
        for (entry, why) in left { state.finished.append(.failed(entry.id, Saga.unfinished(why), isRecord: true)) }
        return left.isEmpty
    }
}
