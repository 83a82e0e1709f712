internal import Policies
internal import RedisClient

/// That the clock of Redis has stepped: its time went on otherwise than the monotonic clock of an instance between two
/// ticks.
///
/// Noted in `{curfew}:alert:clock`, so that all know it, also those that start later.
struct ClockStep: Sendable, Equatable {
    /// The alert that fires.
    static let alert = "clock"
    /// What it is about.
    static let everything = "*"
    /// What two readings may differ by without a remark.
    static let most = Duration.seconds(2)
    /// How long the alert fires at least.
    static let shown = Duration.seconds(15 * 60)
    /// Where it is kept.
    static let fields = ["step_ms", "total_ms", "seen_ms"]

    /// By how much it stepped the last time; forward where it is above zero.
    var step: Duration
    /// By how much it is off what it was before the first of the steps that the alert fires for.
    var total: Duration
    /// When that was seen, by the stepped clock.
    var seen: Timestamp

    init(step: Duration, total: Duration, seen: Timestamp) {
        (self.step, self.total, self.seen) = (step, total, seen)
    }

    /// Reads the fields; nil where there was none.
    init?(_ elements: some Sequence<RedisValue>) {
        let values = elements.map { $0.string.flatMap { Int64($0) } }
        guard values.count == Self.fields.count, let step = values[0], let total = values[1], let seen = values[2]
        else { return nil }
        self.init(step: .milliseconds(step), total: .milliseconds(total), seen: Timestamp(milliseconds: seen))
    }

    /// A step in words, to the second: what is less is the road to Redis.
    static func text(_ step: Duration) -> String {
        let magnitude = step < .zero ? .zero - step : step
        return (magnitude + .milliseconds(500)).roughText
    }

    /// The clock that the records of a cleanup are judged by, as long as it can't be told which of both is right.
    ///
    /// Those who write records may go by the time from before a step forward, and everything they have written before it
    /// surely does. By the new time all of it looks older by the step: live work would be taken for stuck. By the time
    /// from before nothing does. Once the timeout has passed since, whatever was written before is past it by either.
    func correction(for cleanup: Cleanup, at now: Timestamp) -> Duration {
        guard total > cleanup.clockTolerance, now - seen < cleanup.longestTimeout else { return .zero }
        return .zero - total
    }
}

extension Cleanup {
    /// What the clock that writes its records may differ by from that of Redis: a tenth of the shortest timeout.
    package var clockTolerance: Duration { max(ClockStep.most, policy.shortestTimeout / 10) }
}

/// Compares the time of Redis with the monotonic clock of this machine, from one tick to the next.
struct ClockWatch: Sendable {
    private var last: (reading: Timestamp, at: ContinuousClock.Instant)?
    /// Whether the last two readings don't agree: nothing is to be changed until two do.
    private(set) var isInDoubt = false

    /// Whether there was no reading yet.
    var isEmpty: Bool { last == nil }

    /// Takes in a reading; gives back by how much the clock has stepped since the one before, where it has.
    ///
    /// The instant is somewhere between the sending and the answer: what is unsure of both readings is no step.
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
    /// Whether it is no longer than that, forward or back.
    func isWithin(_ limit: Duration) -> Bool { self <= limit && .zero - self <= limit }
}
