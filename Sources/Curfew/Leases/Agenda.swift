internal import Policies

/// When an instance looks at which cleanups until its next tick, and when that is.
struct Agenda: Sendable {
    /// A look at a cleanup.
    struct Look: Sendable {
        let cleanup: String
        /// When the cleanup is due.
        let due: ContinuousClock.Instant
        /// When this instance looks.
        let at: ContinuousClock.Instant
        /// Whether it is the first one to look: then it looks with a tick, which claims the cleanup.
        let isFirst: Bool
    }

    /// What is to be done at a moment.
    enum Step: Equatable {
        /// Nothing yet.
        case wait
        /// A tick.
        case tick
        /// To see whether others have taken these; if not, a tick.
        case peek([String])
    }

    /// At most one for each cleanup.
    private(set) var looks: [Look] = []
    /// When the next tick is at the latest.
    var end: ContinuousClock.Instant
    /// When more is due than is listed here, if that is known.
    var horizon: ContinuousClock.Instant?

    /// Adds a look; if there is one at this cleanup, the earlier one counts.
    mutating func add(_ look: Look) {
        if let place = looks.firstIndex(where: { $0.cleanup == look.cleanup }) {
            if look.at < looks[place].at { looks[place] = look }
        } else {
            looks.append(look)
        }
    }

    /// When there is something to do.
    var next: ContinuousClock.Instant { looks.reduce(end) { min($0, $1.at) } }

    /// What is to be done now; the looks that it covers are taken off.
    mutating func step(at now: ContinuousClock.Instant) -> Step {
        if end <= now { return .tick }
        let mine = looks.filter { $0.at <= now }
        guard !mine.isEmpty else { return .wait }
        // Behind what others have taken there would be more.
        if mine.contains(where: \.isFirst) || horizon.map({ $0 <= now }) == true { return .tick }
        // What is due with it is looked at together with it.
        let due = looks.filter { $0.due <= now || $0.at <= now }
        looks.removeAll { $0.due <= now || $0.at <= now }
        return .peek(due.map(\.cleanup))
    }
}
