internal import Policies
internal import Synchronization

/// Collects the changes of a preview, up to ``Plan/mostRecords``.
final class PlanDraft: Sendable {
    private let most: Int
    private let state = Mutex<(entries: [Plan.Entry], total: Int)>(([], 0))

    /// Creates it empty, for up to that many changes.
    init(_ most: Int = Plan.mostRecords) {
        self.most = most
    }

    /// Adds a page and returns it unchanged.
    func note(_ page: [Evaluation]) -> [Evaluation] {
        for judged in page {
            guard let change = judged.change else { continue }
            state.withLock { state in
                state.total += 1
                guard state.entries.count < most else { return }
                state.entries.append(
                    Plan.Entry(
                        id: judged.entry.id, action: change.action.rawValue, from: change.from, to: change.to,
                        tokens: change.paid, reason: change.reason, fingerprint: change.fingerprint))
            }
        }
        return page
    }

    /// The plan of the collected changes.
    func plan(of cleanup: Cleanup, madeAt: String, timeout: Duration?) -> Plan {
        let (entries, total) = state.withLock { $0 }
        return Plan(cleanup: cleanup, madeAt: madeAt, timeout: timeout, total: total, records: entries)
    }
}

extension Preview {
    /// Previews a run and returns a plan of exactly these changes.
    ///
    /// - Parameter most: how many changes the plan holds at most.
    package func plan(
        _ cleanup: Cleanup, limit: Int? = nil, timeout: Duration? = nil, most: Int = Plan.mostRecords
    ) async throws(CurfewError) -> (result: RunResult, plan: Plan) {
        let draft = PlanDraft(most)
        let result = try await run(cleanup, limit: limit, timeout: timeout) { draft.note($0) }
        return (result, draft.plan(of: cleanup, madeAt: result.startedAt, timeout: timeout))
    }
}
