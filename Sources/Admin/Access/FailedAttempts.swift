internal import Curfew
internal import Synchronization

/// Counts wrong tokens by address, to refuse further wrong ones from an address with too many.
///
/// ``Pace`` slows them down.
///
/// An IPv6 address counts by its first 64 bits, the network of one customer. Each instance counts in memory, for a
/// bounded number of addresses. If there are more, the one with the fewest wrong tokens is forgotten: to have an
/// address forgotten takes as many wrong tokens from thousands of others.
final class FailedAttempts: Sendable {
    /// How many wrong tokens an address may send within the window.
    static let most = 10
    /// The length of the window, counted from the first wrong token.
    ///
    /// Each attempt beyond the limit starts it again.
    static let window = Duration.seconds(60)
    /// How many addresses are remembered.
    static let addresses = 4_096

    private struct Count {
        var number = 0
        var end: ContinuousClock.Instant

        func number(at now: ContinuousClock.Instant) -> Int { end > now ? number : 0 }
    }

    private let counts = Mutex<[Origin: Count]>([:])

    /// How many addresses and networks are remembered.
    var count: Int { counts.withLock { $0.count } }

    /// Whether another wrong token would exceed the limit.
    func isSpent(_ address: String, now: ContinuousClock.Instant = .now) -> Bool {
        counts.withLock { ($0[Origin(address)]?.number(at: now) ?? 0) >= Self.most }
    }

    /// Counts a wrong token; returns nil, or how long to wait if it exceeds the limit.
    func add(_ address: String, now: ContinuousClock.Instant = .now) -> Duration? {
        let origin = Origin(address)
        return counts.withLock { counts in
            var count = counts[origin] ?? Count(end: now.advanced(by: Self.window))
            if count.end <= now { count = Count(end: now.advanced(by: Self.window)) }
            let isTooMany = count.number >= Self.most
            if isTooMany { count.end = now.advanced(by: Self.window) }
            count.number += 1
            if counts[origin] == nil { Self.makeRoom(in: &counts, now) }
            counts[origin] = count
            return isTooMany ? now.duration(to: count.end) : nil
        }
    }

    private static func makeRoom(in counts: inout [Origin: Count], _ now: ContinuousClock.Instant) {
        guard counts.count >= addresses else { return }
        let least = counts.min { left, right in
            (left.value.number(at: now), left.value.end) < (right.value.number(at: now), right.value.end)
        }
        if let least { counts[least.key] = nil }
    }
}
