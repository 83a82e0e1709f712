internal import Algorithms
internal import Policies
internal import RedisClient
internal import Synchronization

/// A sweep over the records of a plan, which makes no other change than the plan says.
struct PlannedSweep: Sendable {
    /// How many scores are read at once.
    private static let page = 512

    let plan: Plan
    let sweepGuard: RunGuard

    /// Carries the plan out; `base` says for whom and how.
    func run(_ base: Sweep) async -> Sweep.Outcome {
        let review = PlanReview(plan)
        var options = base.options
        options.review = { review.passed($0) }
        do {
            let entries = try await entries(base)
            let sweep = Sweep(
                store: base.store, services: base.services, cleanup: base.cleanup, claim: base.claim,
                control: base.control, clock: base.clock,
                options: options, scanned: entries)
            var outcome = await sweepGuard.run(sweep)
            for (id, why) in review.skipped { outcome.counters.leftAlone(id, why) }
            if outcome.error == nil { try await base.measureRest(&outcome) }
            return outcome
        } catch {
            return Sweep.Outcome(error: error)
        }
    }

    /// The planned records with their places in the index, for those that have one.
    private func entries(_ base: Sweep) async throws -> [DueEntry] {
        var entries: [DueEntry] = []
        entries.reserveCapacity(plan.records.count)
        for page in plan.records.chunks(ofCount: Self.page) {
            try base.control.checkpoint()
            let ids = page.map(\.id)
            let replies = try await base.retrying {
                try await base.store.redis.pipeline(ids.map { RedisCommand("ZSCORE", [base.index, $0]) })
            }
            for (id, reply) in zip(ids, replies) {
                if let error = reply.error { throw CurfewError(error, "reading the index") }
                let score = reply.string ?? ""
                let due = base.cleanup.indexUnit.milliseconds(Double(score) ?? 0)
                entries.append(DueEntry(id: id, score: due, scoreText: score))
            }
        }
        if base.cleanup.source != nil {
            let found = entries
            return try await base.retrying { try await base.judge.reader.seated(found, at: base.now) }
        }
        return entries
    }
}

/// Compares what is to be done now with what was planned.
final class PlanReview: Sendable {
    private let planned: [String: String]
    /// Record → why it is left.
    ///
    /// A page may be looked at twice, first by the guard or after a lost connection, so the last look counts.
    private let left = Mutex<[String: String]>([:])

    init(_ plan: Plan) {
        planned = Dictionary(plan.records.map { ($0.id, $0.fingerprint) }) { first, _ in first }
    }

    /// The page with every change left out that isn't the planned one; nothing else is done to records either.
    func passed(_ page: [Evaluation]) -> [Evaluation] {
        page.map { judged in
            let id = judged.entry.id
            let why: String
            switch judged.decision {
            case .malformed: return judged
            case .change(let change):
                guard change.fingerprint != planned[id] else {
                    left.withLock { $0[id] = nil }
                    return judged
                }
                why = change.action == .drop ? change.reason : "now it would be: \(change.reason)"
            case .leave(let leave): why = leave.because
            case .drop(let because, _): why = because
            }
            let because = "changed since the plan; \(why)"
            left.withLock { $0[id] = because }
            var judged = judged
            judged.decision = .leave(Leave(until: nil, because: because))
            return judged
        }
    }

    /// What was left, and why.
    var skipped: [(id: String, why: String)] {
        left.withLock { $0 }.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
}
