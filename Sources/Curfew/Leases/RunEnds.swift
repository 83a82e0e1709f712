internal import RedisClient
internal import Synchronization

/// Ends runs in Redis, those that end at about the same time with one call.
///
/// A run that ends alone is sent at once. While its call is under way, others that end wait for it, and then go together
/// with the next call, which one of them makes. So nothing waits longer than for one call, and many ends share the
/// trimming of the streams and the way there and back.
///
/// If the server refuses a call, nothing of it was done, for it reads everything before it writes; then each run is sent
/// alone, so that one that can't be read doesn't keep the others from ending. If it isn't known whether a call was
/// carried out, each run is told so, and decides for itself.
package final class RunEnds: Sendable {
    /// The most runs of a call: no command may hold Redis for long.
    static let most = 16

    /// What a run that waits is told.
    private enum Turn {
        /// That it makes the next call.
        case own
        /// How its end has gone.
        case ended(Result<FinishCall.Known?, CurfewError>)
    }

    private struct Waiting {
        let end: FinishCall.End
        let continuation: CheckedContinuation<Turn, Never>
    }

    private struct State {
        var isSending = false
        var waiting: [Waiting] = []
    }

    private let state = Mutex(State())

    /// Creates the ends of an instance's runs.
    package init() {}

    /// How many wait for a call that is under way.
    var waiting: Int { state.withLock { $0.waiting.count } }

    /// Ends a run, and returns what is known after it; nil if its lease has another term.
    ///
    /// - Parameter send: sends ends with one call, and returns what is known after each.
    func end(
        _ end: FinishCall.End,
        send: ([FinishCall.End]) async throws(CurfewError) -> [FinishCall.Known?]
    ) async throws(CurfewError) -> FinishCall.Known? {
        let turn: Turn = await withCheckedContinuation { continuation in
            let isOwn = state.withLock { state in
                if state.isSending {
                    state.waiting.append(Waiting(end: end, continuation: continuation))
                    return false
                }
                state.isSending = true
                return true
            }
            if isOwn { continuation.resume(returning: .own) }
        }
        if case .ended(let result) = turn { return try result.get() }
        defer { passOn() }
        let others = state.withLock { state in
            let others = Array(state.waiting.prefix(Self.most - 1))
            state.waiting.removeFirst(others.count)
            return others
        }
        let results = await Self.results([end] + others.map(\.end), send)
        for (other, result) in zip(others, results.dropFirst()) { other.continuation.resume(returning: .ended(result)) }
        return try results[0].get()
    }

    /// Lets the next of those that wait make a call.
    private func passOn() {
        let next = state.withLock { state -> Waiting? in
            guard !state.waiting.isEmpty else {
                state.isSending = false
                return nil
            }
            return state.waiting.removeFirst()
        }
        next?.continuation.resume(returning: .own)
    }

    private static func results(
        _ ends: [FinishCall.End],
        _ send: ([FinishCall.End]) async throws(CurfewError) -> [FinishCall.Known?]
    ) async -> [Result<FinishCall.Known?, CurfewError>] {
        do {
            return try await send(ends).map { .success($0) }
        } catch {
            guard ends.count > 1 else { return [.failure(error)] }
            switch error.underlying?.code {
            case .server: break
            // The call was that of the first, whose task was cancelled; the others don't know what has become of it.
            case .cancelled: return [.failure(error)] + ends.dropFirst().map { _ in .failure(unknown) }
            default: return ends.map { _ in .failure(error) }
            }
        }
        var results: [Result<FinishCall.Known?, CurfewError>] = []
        for end in ends { results += await Self.results([end], send) }
        return results
    }

    private static var unknown: CurfewError {
        CurfewError(RedisError(.outcomeUnknown, "another run's task, which had sent the call, was cancelled"))
    }
}
