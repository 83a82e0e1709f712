/// How many records go into one commit call: as many as hold Redis for about a millisecond.
///
/// Measured on two cores, about 64 records a call is best on both counts, speed and the latency of others. The number
/// follows the measured time of a call: it shrinks at once when a call is slow and grows slowly when calls are quick.
/// A single slow call says little on a busy machine, so the quickest of the last few counts: it is the one that waited
/// least for the processor, and so the closest to what Redis itself needed.
struct PageSize: Sendable {
    /// The bounds of an adapting page.
    static let bounds = 20...1_000
    /// How long one call may take, seen from here, with the reads that are sent along and the round trip: then it holds Redis
    /// for somewhat less than a millisecond.
    static let target: Duration = .microseconds(800)

    private(set) var current: Int
    private let isFixed: Bool
    private var costs: [Duration] = []

    /// Starts with the number that suits most, or stays at a fixed one.
    init(fixed: Int? = nil) {
        isFixed = fixed != nil
        current = fixed ?? 64
    }

    /// A call with that many records took that long.
    ///
    /// Small calls are mostly round trip and tell nothing.
    mutating func called(with count: Int, took elapsed: Duration) {
        guard !isFixed, count >= Self.bounds.lowerBound / 2 else { return }
        costs.append(elapsed / count)
        if costs.count > 5 { costs.removeFirst() }
        guard let cost = costs.min(), cost > .zero else { return }
        let fitting = Int((Self.target / cost).rounded(.down))
        let next = fitting < current ? fitting : min(fitting, current + max(1, current / 8))
        current = min(max(next, Self.bounds.lowerBound), Self.bounds.upperBound)
    }
}
