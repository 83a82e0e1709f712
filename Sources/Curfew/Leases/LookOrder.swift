internal import Policies

/// The order in which the instances with the same registration look at a cleanup that becomes due.
///
/// For each cleanup they have another order, in which every instance has its place. The first looks at the due time, and
/// each following one a moment after the one before it, and only claims what its predecessors have left, because they are
/// busy, frozen or gone. In a large fleet only the first ones look, and as many more as there is work for; the heartbeats
/// of the others, which are spread evenly, find what all of those have left.
struct LookOrder: Sendable {
    /// The time from one instance's look to the next one's, in a small fleet.
    private static let step = Duration.milliseconds(1)
    /// The longest time from the first look to the last one.
    private static let longest = Duration.milliseconds(500)
    /// The largest fleet in which all look at everything.
    static let small = 64
    /// How many look in the largest one.
    static let fewest = 16

    /// The id of this instance.
    let instance: String
    /// How many instances there are, this one included.
    var mates: Int

    /// The place of this instance, from 0.
    func place(for cleanup: String) -> Int {
        guard mates > 1 else { return 0 }
        return Int(Self.hash([instance, cleanup]) % UInt64(mates))
    }

    /// How long after its due time this instance looks; nil if that is left to the others.
    ///
    /// - Parameters:
    ///   - isTakeOver: whether a run has ended before its time: all look, because many may be gone together.
    ///   - together: how many cleanups are due at that time.
    ///   - places: how many of them an instance takes.
    func delay(for cleanup: String, isTakeOver: Bool = false, together: Int = 1, places: Int = 1) -> Duration? {
        let place = place(for: cleanup)
        // The larger the fleet, the more heartbeats there are.
        let looking = max(Self.fewest, Self.small * Self.small / max(1, mates)) + together / max(1, places)
        guard isTakeOver || place < looking else { return nil }
        return min(Self.step, Self.longest / max(1, mates)) * place
    }

    /// Whether this instance is among about so many that are chosen for a cleanup in a draw.
    ///
    /// Each draw chooses others, so that it doesn't matter who of those of an earlier one is gone.
    func isAmong(_ count: Int, for cleanup: String, draw: Int) -> Bool {
        guard mates > count else { return true }
        let share = Double(Self.hash([cleanup, instance, String(draw)])) / 0x1p64
        return share * Double(mates) < Double(count)
    }

    /// A part of the heartbeat that differs from instance to instance, so that a fleet that was started at once doesn't
    /// beat as one.
    var phase: Double { 0.1 + 0.9 * Double(Self.hash([instance]) % 1_000) / 1_000 }

    /// FNV-1a, with all bits mixed into the low ones.
    private static func hash(_ words: [String]) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for word in words {
            for byte in Array(word.utf8) + [0] { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        }
        hash = (hash ^ hash >> 33) &* 0xff51_afd7_ed55_8ccd
        return hash ^ hash >> 33
    }
}
