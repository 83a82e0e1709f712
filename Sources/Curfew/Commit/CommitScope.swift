internal import Logging
internal import Policies
internal import RedisClient

/// What stands between a committer and the run that it commits for.
protocol CommitControl: Sendable {
    /// Throws if the run must not begin anything more.
    func mayContinue() throws
    /// Why the run must not begin anything more; nil if it may.
    var obstacle: (any Error)? { get }
    /// Why nothing more may be written at all, not even to finish what was begun; nil if it may.
    var loss: (any Error)? { get }
    /// The run failed; the first failure stays.
    func failed(_ error: any Error)
    /// A number for a page, or a part of one, that no other of the run has.
    func nextPage() -> Int
    /// What was begun before is being finished: a run that does nothing loses its lease.
    func isFinishing()
}

/// For whom changes are committed: a cleanup, under a lease, or without one only to ask.
struct CommitScope: Sendable {
    let store: Store
    let cleanup: Cleanup
    /// The right to write; nil only asks what would become of the same changes.
    let lease: LeaseTerm?
    /// The run that events and trash name.
    let run: String
    let journal: Journal
    let control: any CommitControl
    let clock: ServerClock
    /// How much later than now the changes are made for: a preview of the future.
    var ahead: Duration = .zero

    var redis: RedisClient { store.redis }
    var keys: Keys { store.keys }
    var library: FunctionLibrary { store.functions }
    var now: Timestamp { clock.now + ahead }

    /// The committer that suits the servers.
    var committer: any Committing {
        if redis.isCluster, let lease { return Saga(self, lease) }
        return Committer(scope: self)
    }

    /// What encodes the changes of a page.
    func encoder(at now: Timestamp) -> ChangeEncoder {
        ChangeEncoder(
            cleanup: cleanup, run: run, keys: keys, time: String(now.milliseconds), journal: journal,
            isCheck: lease == nil)
    }
}

extension CommitScope {
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
                if let obstacle = control.obstacle {
                    if control.loss != nil { control.failed(error) }
                    throw obstacle
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

extension CommitScope {
    /// An empty call under the lease; about the cleanup's own index, unless another is named.
    func makeCall(index other: String? = nil) -> CommitCall {
        let index = other ?? cleanup.indexKey(keys)
        return CommitCall(
            lease: lease.map { ($0.key, $0.term) }, index: index,
            shared: [index, keys.events, keys.seen(cleanup.name)], isCheck: lease == nil)
    }

    /// What the queues of a page's changes are; nil where it has none.
    func kinds(of page: [Evaluation]) async throws -> QueueKinds? {
        var queues: Set<String> = []
        for place in page.indices {
            guard case .change(let change) = page[place].decision, change.puts else { continue }
            queues.formUnion(change.queues)
        }
        guard !queues.isEmpty else { return nil }
        return try await QueueKinds(Array(queues), redis, keys, isNoting: lease != nil)
    }

    /// The page with what the queues of its changes are; a change that can't be put on its queue is its record's error.
    ///
    /// - Parameter known: what they are, where that is known already.
    func queued(_ page: [Evaluation], kinds known: QueueKinds? = nil) async throws -> [Evaluation] {
        let found = if let known { known } else { try await kinds(of: page) }
        guard let kinds = found else { return page }
        var before = EarlierPuts()
        return page.map { judged in
            guard let change = judged.change, !change.queues.isEmpty else { return judged }
            var judged = judged
            do throws(RecordError) {
                judged.decision = .change(
                    try change.mapEffects { effect throws(RecordError) in
                        guard case .put(var push) = effect else { return effect }
                        push.kind = try kinds.kind(of: push)
                        before.note(&push, of: judged.record)
                        return .put(push)
                    })
            } catch {
                judged.decision = .malformed(error)
            }
            return judged
        }
    }
}

/// What the changes of a page put into sorted sets and sets one after the other: a second one finds what the first has put,
/// and must not take it away again when it is undone.
private struct EarlierPuts {
    private var standing: [[String]: Standing] = [:]

    /// Adds what stands there by then.
    mutating func note(_ push: inout Push, of record: Record) {
        guard push.content != .id, push.kind == .zset || push.kind == .set else { return }
        for (number, trace) in push.traces(id: record.id).enumerated() {
            let place = [trace.key, trace.member ?? ""]
            if let known = standing[place] {
                while push.earlier.count <= number { push.earlier.append(nil) }
                push.earlier[number] = push.earlier[number] ?? known
            }
            standing[place] = trace.kind == .set ? .set : trace.score.map { .zset(score: $0) }
        }
    }
}
