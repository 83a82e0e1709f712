internal import HTTPTypes
internal import Synchronization

/// A number of places for what is costly: who finds none is told to come back, instead of waiting in a queue.
final class Places: Sendable {
    private let limit: Int
    private let taken = Mutex(0)

    init(_ limit: Int) {
        self.limit = limit
    }

    /// Does something in a place of its own; throws 503 where none is free.
    func taken<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
        let isFree = taken.withLock { taken in
            guard taken < limit else { return false }
            taken += 1
            return true
        }
        guard isFree else {
            throw AdminError(
                .serviceUnavailable, "\(limit) previews, counts and runs are under way here: expected one to end first",
                headers: [.retryAfter: "5"])
        }
        defer { taken.withLock { $0 -= 1 } }
        return try await body()
    }
}
