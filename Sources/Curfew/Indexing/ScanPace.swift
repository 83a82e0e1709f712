/// The pace of a scan: commands too short to be noticed, with rests in between.
///
/// Redis executes one command at a time, so other clients wait at most for the longest command of the scan. The target
/// is 100 µs, controlled by the number of keys per `SCAN`; the other commands have fixed sizes with similar durations.
/// After each command the scan rests three times as long as it kept Redis busy, so it takes at most a quarter of
/// Redis's time. The duration of a command is estimated as the response time minus the round trip, which is the fastest
/// response so far. On a busy server responses are slower, so the scan takes smaller steps and rests longer.
struct ScanPace: Sendable {
    /// The limits of one step.
    static let bounds = 20...500
    /// How long one command may keep Redis busy.
    static let target: Duration = .microseconds(100)
    /// How many ids are looked up in the index at once.
    static let lookups = 80
    /// How many records are read at once.
    static let reads = 32
    /// How many entries are added at once.
    static let entries = 32
    /// The longest rest: a very slow Redis isn't given more.
    static let longestRest: Duration = .milliseconds(250)

    /// How many keys the next `SCAN` walks over.
    private(set) var step = bounds.lowerBound
    private var roundTrip: Duration?
    private var costs: [Duration] = []

    /// A `SCAN` over that many keys took this long.
    ///
    /// A single slow response means little on a busy machine, so the fastest of the last few counts.
    mutating func walked(_ count: Int, took elapsed: Duration) {
        costs.append(held(elapsed) / max(1, count))
        if costs.count > 5 { costs.removeFirst() }
        guard let cost = costs.min() else { return }
        let most = Self.bounds.upperBound
        let fitting = cost > .zero ? Int(min(Double(most), Self.target / cost)) : most
        let next = fitting < step ? fitting : min(fitting, step + max(1, step / 4))
        step = min(max(next, Self.bounds.lowerBound), most)
    }

    /// How long to rest after a command that took this long.
    mutating func rest(after elapsed: Duration) -> Duration {
        roundTrip = min(roundTrip ?? elapsed, elapsed)
        return min(Self.longestRest, max(held(elapsed), Self.target / 2) * 3)
    }

    /// The response time without the round trip.
    private func held(_ elapsed: Duration) -> Duration {
        max(.zero, elapsed - (roundTrip ?? .zero))
    }
}
