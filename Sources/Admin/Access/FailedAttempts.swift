internal import HTTPTypes
internal import Synchronization

/// Counts wrong tokens by the address they come from: an address with too many waits before it is heard again.
///
/// It is kept in memory, by each instance on its own, for a bounded number of addresses.
final class FailedAttempts: Sendable {
    /// So many wrong tokens an address has.
    static let most = 10
    /// In so long a time, counted from the first of them.
    static let window = Duration.seconds(60)
    /// The most addresses that are remembered; beyond, the one whose time ends first is forgotten.
    static let addresses = 4_096

    private struct Count {
        var number = 0
        var end: ContinuousClock.Instant
    }

    private let counts = Mutex<[String: Count]>([:])

    /// Throws 429 where an address has had its attempts.
    func check(_ address: String, now: ContinuousClock.Instant = .now) throws(AdminError) {
        let wait = counts.withLock { counts -> Duration? in
            guard let count = counts[address], count.number >= Self.most, count.end > now else { return nil }
            return now.duration(to: count.end)
        }
        guard let wait else { return }
        let seconds = max(1, wait.components.seconds)
        throw AdminError(
            .tooManyRequests, "too many wrong tokens from \(address): expected a pause of \(seconds) s",
            headers: [.retryAfter: String(seconds)])
    }

    /// Counts one more.
    func add(_ address: String, now: ContinuousClock.Instant = .now) {
        counts.withLock { counts in
            var count = counts[address] ?? Count(end: now.advanced(by: Self.window))
            if count.end <= now { count = Count(end: now.advanced(by: Self.window)) }
            count.number += 1
            if counts[address] == nil, counts.count >= Self.addresses {
                counts = counts.filter { $0.value.end > now }
                if counts.count >= Self.addresses, let first = counts.min(by: { $0.value.end < $1.value.end }) {
                    counts[first.key] = nil
                }
            }
            counts[address] = count
        }
    }
}
