internal import HTTPTypes
internal import Synchronization

/// Limits how much of what is costly is done at once: who comes too late is told to come back, and not queued.
final class Limiter: Sendable {
    private let limit: Int
    private let what: String
    private let taken = Mutex(0)

    /// Makes it.
    ///
    /// - Parameter what: what it is for, in the plural, as a refusal says it.
    init(_ limit: Int, for what: String) {
        self.limit = limit
        self.what = what
    }

    /// Does something in a place of its own; throws 503 where none is free.
    ///
    /// It is done on the threads that all work of the instance shares, and not on those of HTTP.
    func taken<Value: Sendable>(_ body: @Sendable () async throws -> Value) async throws -> Value {
        let isFree = taken.withLock { taken in
            guard taken < limit else { return false }
            taken += 1
            return true
        }
        guard isFree else {
            throw AdminError(
                .serviceUnavailable, "\(limit) \(what) are under way here: expected one to end first",
                headers: [.retryAfter: "5"])
        }
        defer { taken.withLock { $0 -= 1 } }
        return try await withTaskExecutorPreference(globalConcurrentExecutor) { try await body() }
    }
}
