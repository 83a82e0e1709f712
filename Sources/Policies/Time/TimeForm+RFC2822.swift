extension TimeForm {
    /// What varies between the texts of different apps that write times as mail does.
    package struct RFC2822: Sendable, Hashable {
        /// Whether the day of the week is written.
        package var hasWeekday: Bool
        /// The least digits of the day: 1 for `9 Nov`, 2 for `09 Nov`.
        package var dayDigits: Int
        /// How the zone is written.
        package var zone: Zone

        /// Makes it.
        package init(hasWeekday: Bool, dayDigits: Int, zone: Zone) {
            self.hasWeekday = hasWeekday
            self.dayDigits = dayDigits
            self.zone = zone
        }
    }
}

extension TimeForm.RFC2822 {
    static let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    /// The place of a day among ``weekdays``, by its days since 1970-01-01, which was a Thursday.
    static func weekday(_ days: Int) -> Int { ((days % 7) + 11) % 7 }

    /// The text for a time in milliseconds.
    func text(for milliseconds: Int64) -> String {
        let local = min(zone.reading(at: milliseconds), RecordTime.latest)
        let days = (local < 0 ? local - 86_399_999 : local) / 86_400_000
        let date = CivilDate(daysSinceEpoch: Int(days))
        let second = (local - days * 86_400_000) / 1_000
        let clock = [second / 3_600, second / 60 % 60, second % 60].map { padded($0, to: 2) }.joined(separator: ":")
        let weekday = hasWeekday ? Self.weekdays[Self.weekday(Int(days))] + ", " : ""
        let day = padded(Int64(date.day), to: dayDigits)
        let zone = zone.text
        return weekday + "\(day) \(Self.months[date.month - 1]) \(padded(Int64(date.year), to: 4)) \(clock)"
            + (zone.isEmpty ? "" : " " + zone)
    }
}
