internal import Policies

/// How far back charts go, and how long the time of one bar is.
enum ChartRange: String, CaseIterable, Sendable {
    /// 24 hours, by hour.
    case day = "24h"
    /// Seven days, by six hours.
    case week = "7d"
    /// Thirty days, by day.
    case month = "30d"

    /// In words.
    var words: String {
        switch self {
        case .day: "24 hours"
        case .week: "7 days"
        case .month: "30 days"
        }
    }

    /// How many hours one bar stands for.
    var hoursPerBar: Int64 {
        switch self {
        case .day: 1
        case .week: 6
        case .month: 24
        }
    }

    /// How many bars there are.
    var bars: Int64 {
        switch self {
        case .day: 24
        case .week: 28
        case .month: 30
        }
    }

    /// Every how many bars one has its time below it.
    var barsPerLabel: Int {
        switch self {
        case .day: 6
        case .week: 4
        case .month: 5
        }
    }

    /// What the times of bars are called in tables.
    var column: String {
        switch self {
        case .day: "Hour (UTC)"
        case .week: "From (UTC)"
        case .month: "Day (UTC)"
        }
    }

    /// The time below a bar, for which there is little room.
    func tick(_ time: Timestamp) -> String { String(label(time).prefix(5)) }

    /// The time of a bar in words.
    func label(_ time: Timestamp) -> String {
        let text = TimeForm.iso8601(.init()).text(for: time)
        let (day, clock) = (text.dropFirst(5).prefix(5), text.dropFirst(11).prefix(5))
        switch self {
        case .day: return String(clock)
        case .week: return "\(day) \(clock)"
        case .month: return String(day)
        }
    }
}
