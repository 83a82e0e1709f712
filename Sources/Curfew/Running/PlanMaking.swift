internal import Policies
internal import Synchronization

/// Takes down the changes that a preview comes to, up to ``Plan/mostRecords``.
final class PlanDraft: Sendable {
    private let state = Mutex<(entries: [Plan.Entry], total: Int)>(([], 0))

    /// Looks at a page, and leaves it as it is.
    func note(_ page: [Evaluation]) -> [Evaluation] {
        for judged in page {
            guard let change = judged.change else { continue }
            state.withLock { state in
                state.total += 1
                guard state.entries.count < Plan.mostRecords else { return }
                state.entries.append(
                    Plan.Entry(
                        id: judged.entry.id, action: change.action.rawValue, from: change.from, to: change.to,
                        tokens: change.refund?.amount ?? 0, reason: change.reason, fingerprint: change.fingerprint))
            }
        }
        return page
    }

    /// The plan of what was noted.
    func plan(of cleanup: Cleanup, madeAt: String, timeout: Duration?) -> Plan {
        let (entries, total) = state.withLock { $0 }
        return Plan(cleanup: cleanup, madeAt: madeAt, timeout: timeout, total: total, records: entries)
    }
}

extension Preview {
    /// What a run would do now, with the plan that does exactly that.
    package func plan(
        _ cleanup: Cleanup, limit: Int? = nil, timeout: Duration? = nil
    ) async throws(CurfewError) -> (result: RunResult, plan: Plan) {
        let draft = PlanDraft()
        let result = try await run(cleanup, limit: limit, timeout: timeout) { draft.note($0) }
        return (result, draft.plan(of: cleanup, madeAt: result.startedAt, timeout: timeout))
    }
}
