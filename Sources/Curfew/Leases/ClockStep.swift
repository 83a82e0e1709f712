internal import Policies
internal import RedisClient

/// A step of the clock of Redis: between two ticks, its time advanced differently from the monotonic clock of an
/// instance.
///
/// It is recorded in `{curfew}:alert:clock`, so that all instances know it, including those that start later.
struct ClockStep: Sendable, Equatable {
    /// The name of the alert.
    static let alert = "clock"
    /// The cleanup of the alert: all of them.
    static let everything = "*"
    /// The difference between two readings that is ignored.
    static let most = Duration.seconds(2)
    /// How long the alert fires at least.
    static let shown = Duration.seconds(15 * 60)
    /// The fields of the alert's hash.
    static let fields = ["step_ms", "total_ms", "seen_ms"]

    /// The size of the last step; positive if forward.
    var step: Duration
    /// The difference to the clock before the first step that the alert fires for.
    var total: Duration
    /// When the step was seen, on the stepped clock.
    var seen: Timestamp

    init(step: Duration, total: Duration, seen: Timestamp) {
        (self.step, self.total, self.seen) = (step, total, seen)
    }

    /// Parses the fields; nil if there was no step.
    init?(_ elements: some Sequence<RedisValue>) {
        let values = elements.map { $0.string.flatMap { Int64($0) } }
        guard values.count == Self.fields.count, let step = values[0], let total = values[1], let seen = values[2]
        else { return nil }
        self.init(step: .milliseconds(step), total: .milliseconds(total), seen: Timestamp(milliseconds: seen))
    }

    /// A step in words, in seconds: smaller differences come from the network.
    static func text(_ step: Duration) -> String {
        let magnitude = step < .zero ? .zero - step : step
        return (magnitude + .milliseconds(500)).roughText
    }

    /// How much the clock must be corrected to evaluate a cleanup's records while it is unknown which of the two clocks
    /// is right.
    ///
    /// The writers of records may use the time from before a forward step, and everything they wrote before it
    /// certainly does. By the new time, all of it looks older by the step, and live work would look stuck. By the old
    /// time nothing does. Once the timeout has passed since the step, everything written before it is past its time by
    /// either clock.
    func correction(for cleanup: Cleanup, at now: Timestamp) -> Duration {
        guard total > cleanup.clockTolerance, now - seen < cleanup.clockMemory else { return .zero }
        return .zero - total
    }
}

extension Cleanup {
    /// How long a step of the clock matters to its records: until what was written before it is past its time by either
    /// clock; a week at least where records say themselves how long they may take.
    package var clockMemory: Duration {
        policy.hasOwnTimeouts ? max(longestTimeout, .seconds(7 * 86_400)) : longestTimeout
    }

    /// How much the clock of the writers may differ from that of Redis: a tenth of the shortest timeout.
    package var clockTolerance: Duration { max(ClockStep.most, policy.shortestTimeout / 10) }
}

/// Compares the time of Redis with the monotonic clock of this machine, from one tick to the next.
struct ClockWatch: Sendable {
    private var last: (reading: Timestamp, at: ContinuousClock.Instant)?
    /// Whether the last two readings disagree: nothing may be changed until two agree.
    private(set) var isInDoubt = false

    /// Whether there was no reading yet.
    var isEmpty: Bool { last == nil }

    /// Adds a reading; returns how much the clock has stepped since the previous one, if it has.
    ///
    /// The server's time was read between sending and answer: the uncertainty of both readings isn't a step.
    mutating func take(
        _ reading: Timestamp, at instant: ContinuousClock.Instant, within roundTrip: Duration
    ) -> Duration? {
        defer { last = (reading, instant) }
        guard let last else { return nil }
        let step = (reading - last.reading) - last.at.duration(to: instant)
        let magnitude = step < .zero ? .zero - step : step
        isInDoubt = magnitude > ClockStep.most + roundTrip
        return isInDoubt ? step : nil
    }
}

extension Duration {
    /// Whether its absolute value is within a limit.
    func isWithin(_ limit: Duration) -> Bool { self <= limit && .zero - self <= limit }
}
