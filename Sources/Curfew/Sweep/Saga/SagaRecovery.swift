internal import Policies
internal import RedisClient

/// Finishes what runs before this one have begun in a Cluster and not brought to an end: those that died, those that lost
/// their lease, and those that were refused a part.
///
///     each plan ─► close the marks that aren't there ─► marks that are there: finish ─► close them too ─► plan taken away
///
/// It comes first in every run that writes, so a change that was begun is finished by the next run of its cleanup, whatever
/// its record has become meanwhile. Who made the plan may still be alive, frozen, and wake: for that its marks stay,
/// closed, until they expire, and with them what shows that other slots are written.
struct SagaRecovery: Sendable {
    /// The most pages that may be unfinished: then something is wrong that no run can mend.
    static let mostPlans = 1_000

    let saga: Saga

    private var sweep: Sweep { saga.sweep }
    private var claim: Claim { saga.claim }

    /// Finishes everything that is unfinished; what came of it.
    func run() async throws -> Tally {
        var tally = Tally()
        let hash = sweep.engine.keys.saga(claim.cleanup)
        let length = RedisCommand("HLEN", [hash], isIdempotent: true)
        let count = try await sweep.retrying { try await sweep.engine.redis.send(length) }.integer ?? 0
        guard count > 0 else { return tally }
        let fields = RedisCommand("HGETALL", [hash], isIdempotent: true)
        let pairs = try await sweep.retrying { try await sweep.engine.redis.send(fields) }.pairs
        let texts = pairs.filter { !SagaPlan.isTold($0.0) }.sorted { $0.0 < $1.0 }
        let told = Dictionary(pairs.filter { SagaPlan.isTold($0.0) }, uniquingKeysWith: { $1 })
        guard texts.count <= Self.mostPlans else {
            throw CurfewError(
                .damaged,
                "\(hash) holds \(texts.count) unfinished pages: expected at most \(Self.mostPlans); see what “curfew history” says of them"
            )
        }
        for (field, text) in texts {
            try sweep.control.checkpoint()
            guard let plan = SagaPlan(text: text), plan.field == field else {
                tally.failed(field, "\(hash) holds something else than a plan at \(field)")
                continue
            }
            try await finish(plan, told: told[plan.told] ?? "", &tally)
            sweep.control.advance { $0.step = "unfinished" }
        }
        return tally
    }

    private func finish(_ plan: SagaPlan, told: String, _ tally: inout Tally) async throws {
        let encoder = try await sweep.retrying { try await sweep.committer(claim).encoder(of: [], at: sweep.now) }
        let calls = saga.calls(encoder)
        let marks = plan.entries.map { $0.mark(plan) }
        let blocked = try await saga.step(nil) { try await calls.make(marks.map { .block($0) }) }
        var made: [SagaEntry] = []
        var left: [(entry: SagaEntry, why: String)] = []
        let found = try await saga.marks(marks)
        for (number, mark) in found.enumerated() {
            var entry = plan.entries[number]
            if case .refused(let why) = blocked[number] { left.append((entry, why)) }
            guard mark == .made || mark == .unpaid else { continue }
            if mark == .unpaid { entry.tokens = 0 }
            made.append(entry)
        }
        let (done, unfinished) = try await saga.carryOut(made, of: plan, calls, isRepeated: true)
        left += unfinished
        let now = try await saga.step(.told) { try await saga.home.tell(plan, done, after: told) }
        let closed = plan.entries.filter { entry in !left.contains { $0.entry.place == entry.place } }
        try await saga.step(.cleared) {
            _ = try await calls.make(
                closed.flatMap { entry in
                    [.close(entry.mark(plan), after: Saga.patience)]
                        + entry.onces(plan).map { .expire($0, after: Saga.patience) }
                })
        }
        let ending = SagaHome.Ending(plan: plan, left: left.map(\.entry))
        _ = try await saga.step(.ended) { try await saga.home.end(ending, index: sweep.index) }
        for entry in done where now.contains(entry.place) {
            if let change = entry.counted { tally.changed(entry.id, change, isDryRun: false) }
        }
        for (entry, why) in left { tally.failed(entry.id, Saga.unfinished(why)) }
    }
}
