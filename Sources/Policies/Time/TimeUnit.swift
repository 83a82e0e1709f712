/// What a number counts since 1970, where it is a time.
package enum TimeUnit: String, CaseIterable, Sendable, Hashable {
    /// Seconds.
    case seconds = "s"
    /// Milliseconds, a thousandth.
    case milliseconds = "ms"
    /// Microseconds, a millionth.
    case microseconds = "us"
    /// Nanoseconds, a thousand-millionth.
    case nanoseconds = "ns"

    /// How many digits there are below a second.
    var digits: Int {
        switch self {
        case .seconds: 0
        case .milliseconds: 3
        case .microseconds: 6
        case .nanoseconds: 9
        }
    }

    /// How many digits a time between 2001 and 2286 has, before the point.
    var digitsOfTime: Int { 10 + digits }

    /// The unit in which a time has that many digits before the point; nil where it has so many in none.
    init?(digitsOfTime: Int) {
        switch digitsOfTime {
        case 10: self = .seconds
        case 13: self = .milliseconds
        case 16: self = .microseconds
        case 19: self = .nanoseconds
        default: return nil
        }
    }

    /// Its name in words.
    var noun: String {
        switch self {
        case .seconds: "seconds"
        case .milliseconds: "milliseconds"
        case .microseconds: "microseconds"
        case .nanoseconds: "nanoseconds"
        }
    }
}
