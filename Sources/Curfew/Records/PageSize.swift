internal import Policies

/// How many records go into one commit call: as many as hold Redis for about half a millisecond, or for less where
/// history is pruned.
///
/// Two such calls may be with Redis at once (see ``Sweep``), so that others wait for about a millisecond at most. The number
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
        /// How many calls may be with Redis at once.
        let inFlight: Int

        static let usual = Aim(time: .microseconds(450), bounds: 20...1_000, start: 40, inFlight: 2)
        /// History has waited for days and can wait a little more, so that nobody notices when it goes.
        static let gentle = Aim(time: .microseconds(400), bounds: 16...1_000, start: 16, inFlight: 1)

        /// Members in the middle of long lists are searched for one by one, which takes as long as the list is.
        static let registries = Aim(time: .microseconds(450), bounds: 4...1_000, start: 20, inFlight: 2)

        /// What suits the manner of a policy.
        static func of(_ manner: RecordManner) -> Aim { manner.isGentle ? gentle : usual }
    }

    private(set) var current: Int
    private let aim: Aim
    /// How many calls may be with Redis at once.
    var inFlight: Int { aim.inFlight }
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
        let fitting = Int(bounded: aim.time / cost)
        let next = fitting < current ? fitting : min(fitting, current + max(1, current / 8))
        current = min(max(next, aim.bounds.lowerBound), aim.bounds.upperBound)
    }
}
