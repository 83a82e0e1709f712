internal import Policies

/// How many records go into one commit call: as many as hold Redis for somewhat less than a millisecond, or for half
/// of that where history is pruned.
///
/// Measured on two cores, about 64 records a call is best on both counts, speed and the latency of others. The number
/// follows the measured time of a call: it shrinks at once when a call is slow and grows slowly when calls are quick.
/// A single slow call says little on a busy machine, so the quickest of the last few counts: it is the one that waited
/// least for the processor, and so the closest to what Redis itself needed.
struct PageSize: Sendable {
    /// What a call aims at.
    struct Aim: Sendable {
        /// How long it may take, seen from the socket, with the reads that are sent along.
        let time: Duration
        /// The bounds of an adapting page.
        let bounds: ClosedRange<Int>
        /// How many records to begin with.
        let start: Int

        static let usual = Aim(time: .microseconds(640), bounds: 20...1_000, start: 64)
        /// History has waited for days and can wait a little more, so that nobody notices when it goes.
        static let gentle = Aim(time: .microseconds(400), bounds: 8...1_000, start: 16)

        /// What suits a kind of policy.
        static func of(_ kind: PolicyKind) -> Aim { kind == .retention ? gentle : usual }
    }

    private(set) var current: Int
    private let aim: Aim
    private let isFixed: Bool
    private var costs: [Duration] = []

    /// Starts with the number that suits most, or stays at a fixed one.
    init(fixed: Int? = nil, aim: Aim = .usual) {
        self.aim = aim
        isFixed = fixed != nil
        current = fixed ?? aim.start
    }

    /// A call with that many records took that long.
    ///
    /// Small calls are mostly round trip and tell nothing.
    mutating func called(with count: Int, took elapsed: Duration) {
        guard !isFixed, count >= aim.bounds.lowerBound / 2 else { return }
        costs.append(elapsed / count)
        if costs.count > 5 { costs.removeFirst() }
        guard let cost = costs.min(), cost > .zero else { return }
        let fitting = Int((aim.time / cost).rounded(.down))
        let next = fitting < current ? fitting : min(fitting, current + max(1, current / 8))
        current = min(max(next, aim.bounds.lowerBound), aim.bounds.upperBound)
    }
}
