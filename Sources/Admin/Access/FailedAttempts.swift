internal import Curfew
internal import Synchronization

/// Counts wrong tokens by the address they come from, to turn away wrong ones from where there were too many.
///
/// An address of version 6 counts by its first 64 bits, which is what one customer has, and also by its first 48, which is
/// what one has who asks for more; and all of them together count too. It is kept in memory, by each instance on its own,
/// for a bounded number of addresses; where there are more, those with the fewest wrong tokens are forgotten, so that
/// nobody is forgotten because others tried once.
final class FailedAttempts: Sendable {
    /// So many wrong tokens an address has.
    static let most = 10
    /// So many those who share 48 bits have, and so many everybody together has.
    static let mostOfSite = 100, mostOfAll = 1_000
    /// In so long a time, counted from the first of them; begun anew by each that comes after too many.
    static let window = Duration.seconds(60)
    /// The most addresses that are remembered.
    static let addresses = 4_096
    /// How long one is kept waiting that comes after too many; and how many are, at most, at the same time.
    private static let pause = Duration.milliseconds(250), mostWaiting = 64

    private struct Count {
        var number = 0
        var end: ContinuousClock.Instant

        func number(at now: ContinuousClock.Instant) -> Int { end > now ? number : 0 }
    }

    /// What is counted under one name.
    private enum Origin: Hashable {
        case all
        case network(NetworkAddress, bits: Int)
        case other(String)

        var most: Int {
            switch self {
            case .all: FailedAttempts.mostOfAll
            case .network(_, let bits): bits == 48 ? FailedAttempts.mostOfSite : FailedAttempts.most
            case .other: FailedAttempts.most
            }
        }
    }

    private let counts = Mutex<[Origin: Count]>([:])
    private let waiting = Mutex(0)

    /// How many addresses and networks are remembered.
    var count: Int { counts.withLock { $0.count } }

    /// Whether a further wrong one would be too many.
    func isSpent(_ address: String, now: ContinuousClock.Instant = .now) -> Bool {
        counts.withLock { counts in
            Self.origins(of: address).contains { (counts[$0]?.number(at: now) ?? 0) >= $0.most }
        }
    }

    /// Counts one more: nil, or how long to wait where it is one too many.
    func add(_ address: String, now: ContinuousClock.Instant = .now) -> Duration? {
        counts.withLock { counts in
            var wait: Duration?
            for origin in Self.origins(of: address) {
                var count = counts[origin] ?? Count(end: now.advanced(by: Self.window))
                if count.end <= now { count = Count(end: now.advanced(by: Self.window)) }
                let isTooMany = count.number >= origin.most
                if isTooMany { count.end = now.advanced(by: Self.window) }
                count.number += 1
                if counts[origin] == nil { Self.makeRoom(in: &counts, now) }
                counts[origin] = count
                if isTooMany { wait = max(wait ?? .zero, now.duration(to: count.end)) }
            }
            return wait
        }
    }

    /// Keeps one waiting who came too often, unless many are kept already: they cost memory.
    func slowDown() async {
        let isFull = waiting.withLock { waiting in
            guard waiting < Self.mostWaiting else { return true }
            waiting += 1
            return false
        }
        guard !isFull else { return }
        defer { waiting.withLock { $0 -= 1 } }
        do {
            try await Task.sleep(for: Self.pause)
        } catch {
            // The caller is gone, or the instance goes down: there is nobody left to keep waiting.
            return
        }
    }

    private static func origins(of address: String) -> [Origin] {
        guard let network = NetworkAddress(address) else { return [.all, .other(address)] }
        guard network.isVersion6 else { return [.all, .network(network, bits: 32)] }
        return [.all] + [64, 48].map { .network(network.network(ofBits: $0), bits: $0) }
    }

    private static func makeRoom(in counts: inout [Origin: Count], _ now: ContinuousClock.Instant) {
        guard counts.count >= addresses else { return }
        let least = counts.lazy.filter { $0.key != .all }.min { left, right in
            (left.value.number(at: now), left.value.end) < (right.value.number(at: now), right.value.end)
        }
        if let least { counts[least.key] = nil }
    }
}
