internal import Policies
internal import RedisClient

/// What a ``Saga`` would come to: the same looks and the same parts of changes, none of which is made.
struct SagaCheck: Sendable {
    let sweep: Sweep

    /// What would become of each record of a page.
    func results(_ page: [Evaluation]) async throws -> [Committer.Result] {
        let committer = sweep.committer(nil)
        let encoder = committer.encoder(at: sweep.now)
        let (priced, refused) = try await committer.priced(try await committer.queued(page))
        var results = zip(priced, refused).map { judged, result -> Committer.Result in
            switch (judged.decision, result) {
            case (_, .refused), (_, .malformed): return result
            case (.change(let change), _): return .changed(isRefunded: change.refund != nil)
            case (.leave(let leave), _): return .left(isStalled: leave.isStalled, stays: true)
            default: return .left(isStalled: false, stays: true)
            }
        }
        var steps: [(place: Int, step: SagaStep)] = []
        for (place, judged) in priced.enumerated() {
            guard case .changed = results[place], let change = judged.change else { continue }
            let split = SagaSplit(change, of: judged.record, at: place, encoder)
            steps.append((place, .change(split.first, of: judged.record)))
        }
        let calls = SagaCalls(library: sweep.engine.library, encoder: encoder, isCheck: true)
        for ((place, _), outcome) in zip(steps, try await calls.make(steps.map(\.step))) {
            switch outcome {
            case .made: break
            case .moved(ChangeEncoder.ledgerGuard): results[place] = .changed(isRefunded: false)
            case .moved: results[place] = .moved
            case .refused(let why): results[place] = .refused(why)
            }
        }
        return results
    }
}

extension Record {
    /// Whether it is a plain string.
    var isText: Bool {
        if case .text = content { true } else { false }
    }
}
