internal import HTTPTypes
internal import Synchronization

/// Limits how many expensive operations run at once.
///
/// Further ones are refused, not queued.
final class Limiter: Sendable {
    private let limit: Int
    private let what: String
    private let taken = Mutex(0)

    /// Creates the limiter.
    ///
    /// - Parameter what: a plural noun for the operations, used in the refusal.
    init(_ limit: Int, for what: String) {
        self.limit = limit
        self.what = what
    }

    /// Runs a body in a slot; throws 503 if none is free.
    ///
    /// The body runs on the shared threads of the instance, not on those of HTTP.
    func taken<Value: Sendable>(_ body: @Sendable () async throws -> Value) async throws -> Value {
        let isFree = taken.withLock { taken in
            guard taken < limit else { return false }
            taken += 1
            return true
        }
        guard isFree else {
            throw AdminError(
                .serviceUnavailable, "\(limit) \(what) are already running on this instance: try again later",
                headers: [.retryAfter: "5"])
        }
        defer { taken.withLock { $0 -= 1 } }
        return try await withTaskExecutorPreference(globalConcurrentExecutor) { try await body() }
    }
}
