internal import Policies

extension Timestamp {
    /// The last time that ISO 8601 can write with four digits of the year.
    private static let last = 253_402_300_799_000.0

    /// The time that a score of a sorted set stands for, between 1970 and the year 9999.
    ///
    /// A score may be any number, infinite too (which people use for “never”), and not every number is an `Int64`.
    init(score: Double) {
        self.init(milliseconds: Int64(max(0, min(score, Self.last))))
    }
}
