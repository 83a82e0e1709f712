internal import TestSupport

/// What a seed decides about a case, beside the combination.
struct Sample: Sendable {
    /// The cleanup that is held up, and the arrival at the place.
    let cleanup: String
    let arrival: Int
    /// Whether an outage or a freeze outlasts the lease by much, or the fault comes in its harder form.
    let isHard: Bool
    /// One of the three ways in which a connection fails.
    let network: Int
    /// In which direction the clock is off.
    let clockOffset: Int
    /// Mixes the order of the records.
    var random: Seeded

    init(_ combination: Combination, seed: UInt64) {
        var random = Seeded(seed)
        let places = combination.step.places
        let place = places[Int.random(in: places.indices, using: &random)]
        cleanup = place.cleanup
        arrival = Int.random(in: 1...place.lastArrival, using: &random)
        isHard = Bool.random(using: &random)
        network = Int.random(in: 0..<3, using: &random)
        clockOffset = Bool.random(using: &random) ? 3_600 : -3_600
        self.random = random
    }
}
