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
    func results(of page: Page, commit: RedisClient.PendingReplies?) async throws -> [Committer.Result] {
        guard let claim else { return try await foretold(page, commit) }
        guard let prepared = page.prepared else { return page.judged.map(Self.watched) }
        do {
            let pending = try commit ?? engine.redis.begin([prepared.command])
            return try await committer(claim).results(of: prepared, reply: try await pending.replies()[0])
        } catch {
            guard Self.isPassing(error) else { throw error }
            return try await recover(page.judged, claim)
        }
    }

    /// What Redis says that a commit would come to; where it can't be asked, what was decided.
    private func foretold(_ page: Page, _ check: RedisClient.PendingReplies?) async throws -> [Committer.Result] {
        var check = check
        do {
            return try await retrying {
                guard let prepared = page.prepared else { return try await SagaCheck(sweep: self).results(page.judged) }
                let pending = try check ?? engine.redis.begin([prepared.command])
                check = nil
                return try await committer(nil).results(of: prepared, reply: try await pending.replies()[0])
            }
        } catch let error as CurfewError where Self.cantBeAsked(error) {
            if page.judged.contains(where: \.isChange) {
                engine.logger.warning(
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
    private static func watched(_ judged: Evaluation) -> Committer.Result {
        switch judged.decision {
        case .change: .changed(isRefunded: true)
        case .malformed(let error): .malformed(error)
        case .leave(let leave): .left(isStalled: leave.isStalled, stays: true)
        case .drop: .left(isStalled: false, stays: true)
        }
    }

    func committer(_ claim: Claim?) -> Committer {
        Committer(
            library: engine.library, keys: engine.keys, cleanup: cleanup, claim: claim,
            journal: engine.journal)
    }

    private func recover(_ page: [Evaluation], _ claim: Claim) async throws -> [Committer.Result] {
        let entries = page.map(\.entry)
        let judged = try await retrying { try await judge.judge(entries, at: now) }
        let fresh = options.review?(judged) ?? judged
        var results: [Committer.Result?] = zip(page, fresh).map { old, new in
            guard let change = old.change, change.isMade(in: new.record) else { return nil }
            return .changed(isRefunded: change.refund != nil)
        }
        let open = results.indices.filter { results[$0] == nil }
        guard !open.isEmpty else { return results.compactMap(\.self) }
        try control.checkpoint()
        let again = open.map { fresh[$0] }
        let prepared = try await retrying {
            try await committer(claim).prepare(again, at: now, rescores: options.timeout == nil)
        }
        let page = Page(judged: again, prepared: prepared)
        for (place, result) in zip(open, try await self.results(of: page, commit: nil)) { results[place] = result }
        return results.compactMap(\.self)
    }

    /// Does something that may be repeated, again and again while only the connection is in the way and the run may go
    /// on.
    ///
    /// Waits a little longer each time, up to about a second.
    func retrying<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
        var retries = Retries(Backoff(first: .milliseconds(50), factor: 2, most: .seconds(1)))
        while true {
            do {
                return try await body()
            } catch {
                guard Self.isPassing(error) || Self.isClosed(error) else { throw error }
                if let stop = control.stopReason() {
                    if stop == .lost { control.failed(error) }
                    throw stop
                }
                if Self.isClosed(error) { throw error }
            }
            try await Task.sleep(for: retries.failed())
        }
    }

    /// Whether nothing more is sent, because the program is to end.
    private static func isClosed(_ error: any Error) -> Bool {
        ((error as? RedisError) ?? (error as? CurfewError)?.underlying)?.code == .shuttingDown
    }

    /// What servers answer that are just starting, or whose cluster has yet to agree on who serves a slot.
    private static let passing: Set<String> = ["LOADING", "CLUSTERDOWN", "TRYAGAIN", "MASTERDOWN"]

    /// Whether an error is one of the connection, or of a server that is just starting: gone when Redis is back.
    static func isPassing(_ error: any Error) -> Bool {
        let redis = CurfewError.redis(behind: error)
        guard let redis else { return false }
        if redis.code == .server { return passing.contains(redis.server?.code ?? "") }
        return [.connectionClosed, .timedOut, .outcomeUnknown, .unreachable, .notPrimary].contains(redis.code)
    }
}

extension Change {
    /// Whether the record is as this change would leave it.
    func isMade(in record: Record) -> Bool {
        if removesRecord { return record.content == .missing }
        return !sets.isEmpty && sets.allSatisfy { record[$0.field] == $0.value }
    }
}
