internal import Policies

/// The unit of the scores in an index of the application: Unix time in seconds, milliseconds or microseconds.
///
/// A score from 0 to 10⁹ isn't a present time in any unit. It means “at once”, as applications write it.
package enum ScoreUnit: String, CaseIterable, Sendable {
    case seconds = "s"
    case milliseconds = "ms"
    case microseconds = "us"

    /// The smallest score that is a time.
    private static let smallestTime = 1e9

    /// The name of the unit in messages.
    var noun: String {
        switch self {
        case .seconds: "Unix seconds"
        case .milliseconds: "Unix milliseconds"
        case .microseconds: "Unix microseconds"
        }
    }

    /// The score of a deadline; in seconds it is rounded up, so that an entry isn't due too early.
    func score(of time: Timestamp) -> String {
        switch self {
        case .seconds:
            let (seconds, rest) = time.milliseconds.quotientAndRemainder(dividingBy: 1_000)
            return String(rest > 0 ? seconds + 1 : seconds)
        case .milliseconds: return String(time.milliseconds)
        case .microseconds:
            let (score, isTooLarge) = time.milliseconds.multipliedReportingOverflow(by: 1_000)
            return String(isTooLarge ? .max : score)
        }
    }

    /// The upper bound of the scores that are due at a time.
    func bound(of time: Timestamp) -> String {
        guard self == .seconds else { return score(of: time) }
        let milliseconds = time.milliseconds
        let rest = milliseconds % 1_000
        guard milliseconds >= 0, rest > 0 else { return String(milliseconds / 1_000) }
        return "\(milliseconds / 1_000)." + (rest < 10 ? "00" : rest < 100 ? "0" : "") + String(rest)
    }

    /// A score in milliseconds; a score that isn't a time is unchanged, which is long past in any unit.
    func milliseconds(_ score: Double) -> Double {
        guard score >= Self.smallestTime else { return score }
        switch self {
        case .seconds: return score * 1_000
        case .milliseconds: return score
        case .microseconds: return score / 1_000
        }
    }

    /// Impossible scores of this unit, as Redis ranges: negative ones, and present times in another unit or dates
    /// written as a number.
    ///
    /// Larger scores, including the year 9999 and the largest numbers of programming languages, mean “never”; so does
    /// infinity. Negative infinity means “at once”.
    var impossible: [Range] {
        let negative = Range("(-inf", "(0")
        switch self {
        case .seconds:
            return [
                negative, Range("10000000000", "(253400000000"), Range("253500000000", "(5000000000000"), Self.micro,
                Self.nano,
            ]
        case .milliseconds:
            return [
                negative, Range("1000000000", "(1000000000000"), Range("10000000000000", "(253400000000000"),
                Range("253500000000000", "(1000000000000000"), Self.micro, Self.nano,
            ]
        case .microseconds:
            return [
                negative, Range("1000000000", "(1000000000000000"), Range("10000000000000000", "(253400000000000000"),
                Self.nano,
            ]
        }
    }

    /// A range of scores as `ZCOUNT` takes it.
    struct Range: Sendable {
        let from: String, to: String

        init(_ from: String, _ to: String) { (self.from, self.to) = (from, to) }

        /// Whether the range contains a score; exclusive ends begin with a parenthesis, and the upper end is always
        /// exclusive.
        func contains(_ score: Double) -> Bool {
            let lower = Double(from.drop { $0 == "(" }) ?? -.infinity
            let upper = Double(to.drop { $0 == "(" }) ?? .infinity
            return (from.hasPrefix("(") ? score > lower : score >= lower) && score < upper
        }
    }

    private static let micro = Range("1000000000000000", "(5000000000000000")
    private static let nano = Range("1000000000000000000", "(5000000000000000000")

    /// The unit in which a score is a present time, if there is one.
    static func likely(_ score: Double) -> ScoreUnit? {
        switch score {
        case 1e9..<1e10: .seconds
        case 1e12..<1e13: .milliseconds
        case 1e15..<1e16: .microseconds
        default: nil
        }
    }
}
