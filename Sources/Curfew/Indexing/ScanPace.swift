/// How fast a scan goes: in commands so short that nobody notices them, with rests in between.
///
/// Redis serves one command at a time, so what others wait for is the longest command of the scan. Here it is aimed at
/// 100 µs, by the number of keys that one `SCAN` walks past; the other commands have fixed sizes that take about as long.
/// After each, the scan rests three times as long as it held Redis, so that it takes a quarter of Redis's time at most.
/// The time of a command is measured from here: what is left of it without the round trip, which is the quickest answer
/// so far. On a busy server answers are slower, so the scan walks in smaller steps and rests longer.
struct ScanPace: Sendable {
    /// The bounds of one step.
    static let bounds = 20...500
    /// How long one command may hold Redis.
    static let target: Duration = .microseconds(100)
    /// Ids looked up in the index at once.
    static let lookups = 80
    /// Records read at once.
    static let reads = 32
    /// Entries added at once.
    static let entries = 32
    /// The longest rest: a Redis that answers very slowly is not waited out any longer.
    static let longestRest: Duration = .milliseconds(250)

    /// Keys to be walked past by the next `SCAN`.
    private(set) var step = bounds.lowerBound
    private var roundTrip: Duration?
    private var costs: [Duration] = []

    /// A `SCAN` past that many keys was answered after that time.
    ///
    /// One slow answer says little on a busy machine, so the quickest of the last few counts.
    mutating func walked(_ count: Int, took elapsed: Duration) {
        costs.append(held(elapsed) / max(1, count))
        if costs.count > 5 { costs.removeFirst() }
        guard let cost = costs.min() else { return }
        let most = Self.bounds.upperBound
        let fitting = cost > .zero ? Int(min(Double(most), Self.target / cost)) : most
        let next = fitting < step ? fitting : min(fitting, step + max(1, step / 4))
        step = min(max(next, Self.bounds.lowerBound), most)
    }

    /// How long to rest after a command that was answered after that time.
    mutating func rest(after elapsed: Duration) -> Duration {
        roundTrip = min(roundTrip ?? elapsed, elapsed)
        return min(Self.longestRest, max(held(elapsed), Self.target / 2) * 3)
    }

    /// What an answer took without the round trip.
    private func held(_ elapsed: Duration) -> Duration {
        max(.zero, elapsed - (roundTrip ?? .zero))
    }
}
