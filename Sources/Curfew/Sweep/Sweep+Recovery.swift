internal import Logging
internal import Policies
internal import RedisClient

/// How a sweep goes on after the connection was lost.
///
/// Reading again does no harm. A commit whose reply was lost has happened, or not, as a whole; it is never sent again as
/// it was. Its records are read again instead: one that is as the commit would have left it counts as changed, any other
/// is judged afresh. Guards make a change that was made twice impossible, the reading only keeps the counts right.
extension Sweep {
    /// What became of a page, once its commit is answered.
    ///
    /// A watching sweep has asked what a commit would have come to.
    func results(of page: Page, commit: RedisClient.PendingReplies?) async throws -> [CommitResult] {
        guard claim != nil else { return try await foretold(page, commit) }
        guard let prepared = page.prepared else { return page.judged.map(Self.watched) }
        do {
            let pending = try commit ?? store.redis.begin([prepared.command])
            return try await Committer(scope: scope).results(of: prepared, reply: try await pending.replies()[0])
        } catch {
            guard CommitScope.isPassing(error) else { throw error }
            return try await recover(page.judged)
        }
    }

    /// What Redis says that a commit would come to; where it can't be asked, what was decided.
    private func foretold(_ page: Page, _ check: RedisClient.PendingReplies?) async throws -> [CommitResult] {
        var check = check
        do {
            return try await retrying {
                guard let prepared = page.prepared else {
                    return try await SagaCheck(scope: scope).results(page.judged)
                }
                let pending = try check ?? store.redis.begin([prepared.command])
                check = nil
                return try await Committer(scope: scope).results(of: prepared, reply: try await pending.replies()[0])
            }
        } catch let error as CurfewError where Self.cantBeAsked(error) {
            if page.judged.contains(where: \.isChange) {
                store.logger.warning(
                    "it could not be asked what a commit would say", metadata: ["error": "\(error)"])
            }
            return page.judged.map(Self.watched)
        }
    }

    /// Whether a preview has no way to ask: the user may not call functions, or the server has none and takes none.
    private static func cantBeAsked(_ error: CurfewError) -> Bool {
        ["NOPERM", "READONLY"].contains(error.underlying?.server?.code ?? "")
            || error.underlying.map(FunctionLibrary.isMissingFunction) == true
    }

    /// What a change would come to, where nothing is written.
    private static func watched(_ judged: Evaluation) -> CommitResult {
        switch judged.decision {
        case .change: .changed(isRefunded: true)
        case .malformed(let error): .malformed(error)
        case .leave(let leave): .left(isStalled: leave.isStalled, stays: true)
        case .drop: .left(isStalled: false, stays: true)
        }
    }

    /// For whom it commits.
    var scope: CommitScope {
        CommitScope(
            store: store, cleanup: cleanup, lease: claim?.leaseTerm(store.keys),
            run: claim?.run ?? "preview", journal: services.journal, control: control, clock: clock,
            ahead: options.ahead)
    }

    private func recover(_ page: [Evaluation]) async throws -> [CommitResult] {
        let entries = page.map(\.entry)
        let judged = try await retrying { try await judge.judge(entries, at: now) }
        let fresh = options.review?(judged) ?? judged
        var results: [CommitResult?] = zip(page, fresh).map { old, new in
            guard let change = old.change, change.isMade(in: new.record) else { return nil }
            return .changed(isRefunded: change.refund != nil)
        }
        let open = results.indices.filter { results[$0] == nil }
        guard !open.isEmpty else { return results.compactMap(\.self) }
        try control.checkpoint()
        let again = open.map { fresh[$0] }
        let prepared = try await retrying {
            try await Committer(scope: scope).prepare(again, at: now, rescores: options.timeout == nil)
        }
        let page = Page(judged: again, prepared: prepared)
        for (place, result) in zip(open, try await self.results(of: page, commit: nil)) { results[place] = result }
        return results.compactMap(\.self)
    }

    /// Does something that may be repeated: see ``CommitScope/retrying(_:)``.
    func retrying<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
        try await scope.retrying(body)
    }
}

extension Change {
    /// Whether the record is as this change would leave it.
    func isMade(in record: Record) -> Bool {
        if removesRecord { return record.content == .missing }
        guard let write, !write.sets.isEmpty else { return false }
        return write.sets.allSatisfy { record[$0.field] == $0.value }
    }
}
