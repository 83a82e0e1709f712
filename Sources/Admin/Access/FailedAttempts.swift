internal import Curfew
internal import Synchronization

/// Counts wrong tokens by the address they come from, to turn away wrong ones from where there were too many; ``Pace`` slows them down.
///
/// An address of version 6 counts by its first 64 bits, which is what one customer has. It is kept in memory, by each instance
/// on its own, for a bounded number of addresses; where there are more, the one with the fewest wrong tokens is forgotten, so
/// that to have another forgotten takes as many wrong tokens from thousands of addresses as that one has shown.
final class FailedAttempts: Sendable {
    /// So many wrong tokens an address has.
    static let most = 10
    /// In so long a time, counted from the first of them; begun anew by each that comes after too many.
    static let window = Duration.seconds(60)
    /// The most addresses that are remembered.
    static let addresses = 4_096

    private struct Count {
        var number = 0
        var end: ContinuousClock.Instant

        func number(at now: ContinuousClock.Instant) -> Int { end > now ? number : 0 }
    }

    private let counts = Mutex<[Origin: Count]>([:])

    /// How many addresses and networks are remembered.
    var count: Int { counts.withLock { $0.count } }

    /// Whether a further wrong one would be too many.
    func isSpent(_ address: String, now: ContinuousClock.Instant = .now) -> Bool {
        counts.withLock { ($0[Origin(address)]?.number(at: now) ?? 0) >= Self.most }
    }

    /// Counts one more: nil, or how long to wait where it is one too many.
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
