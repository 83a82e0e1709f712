internal import Policies

/// The rule at the end of a time zone file for all later times: `CET-1CEST,M3.5.0,M10.5.0/3` (POSIX.1, `TZ`).
///
/// Its offsets are added to local time to get UTC, so they are negative east of Greenwich.
struct ZoneRule: Sendable, Equatable {
    /// A day of every year and the second of that day at which the clocks change.
    private struct Change: Equatable {
        enum Day: Equatable {
            /// A day of the week in a week of a month; week 5 is the last one.
            case weekday(month: Int, week: Int, day: Int)
            /// A day of the year from 1, without 29 February.
            case julian(Int)
            /// A day of the year from 0, with 29 February.
            case ordinal(Int)
        }

        let day: Day
        let second: Int

        /// The second of the change in a year, on the wall clock, counted as if it were UTC.
        func reading(in year: Int) -> Int {
            let first = CivilDate.start(of: 1, in: year)
            let number: Int
            switch day {
            case .ordinal(let ordinal): number = first + ordinal
            case .julian(let julian):
                let isLeap = CivilDate.start(of: 1, in: year + 1) - first == 366
                number = first + julian - 1 + (isLeap && julian >= 60 ? 1 : 0)
            case .weekday(let month, let week, let day):
                let start = CivilDate.start(of: month, in: year)
                let end = month == 12 ? CivilDate.start(of: 1, in: year + 1) : CivilDate.start(of: month + 1, in: year)
                let distance = (day - CivilDate(daysSinceEpoch: start).weekday + 7) % 7
                let wanted = start + distance + (week - 1) * 7
                number = wanted < end ? wanted : wanted - 7
            }
            return number * 86_400 + second
        }
    }

    private let standard: Int
    private let summer: (offset: Int, start: Change, end: Change)?

    static func == (one: ZoneRule, other: ZoneRule) -> Bool {
        one.standard == other.standard && one.summer?.offset == other.summer?.offset
            && one.summer?.start == other.summer?.start && one.summer?.end == other.summer?.end
    }

    /// Parses a rule; nil if it is invalid.
    init?(_ text: some Sequence<UInt8>) {
        var reader = Reader(rest: Array(text)[...])
        guard reader.skipName(), let standard = reader.time(most: 24) else { return nil }
        self.standard = -standard
        guard !reader.rest.isEmpty else {
            summer = nil
            return
        }
        guard reader.skipName() else { return nil }
        var offset = 3600 - standard
        if !reader.takes(",") {
            guard let written = reader.time(most: 24), reader.takes(",") else { return nil }
            offset = -written
        }
        guard let start = reader.change(), reader.takes(","), let end = reader.change(), reader.rest.isEmpty else {
            return nil
        }
        summer = (offset, start, end)
    }

    /// The offset from UTC at a second.
    func offset(at second: Int) -> Int {
        guard let summer else { return standard }
        let day = (second + standard) / 86_400 - ((second + standard) % 86_400 < 0 ? 1 : 0)
        let year = CivilDate(daysSinceEpoch: day).year
        // The changes around the second, in order; including adjacent years, because a change may cross the new year.
        var changes: [(second: Int, isSummer: Bool)] = []
        for year in (year - 1)...(year + 1) {
            changes.append((summer.start.reading(in: year) - standard, true))
            changes.append((summer.end.reading(in: year) - summer.offset, false))
        }
        // If both changes coincide, as in a zone with permanent summer time, summer time continues.
        changes.sort { ($0.second, $0.isSummer ? 1 : 0) < ($1.second, $1.isSummer ? 1 : 0) }
        return changes.last { $0.second <= second }?.isSummer == true ? summer.offset : standard
    }

    private struct Reader {
        var rest: ArraySlice<UInt8>

        mutating func takes(_ character: Unicode.Scalar) -> Bool {
            guard rest.first == UInt8(ascii: character) else { return false }
            rest.removeFirst()
            return true
        }

        /// `CET`, `<+03>`.
        mutating func skipName() -> Bool {
            if takes("<") {
                guard let end = rest.firstIndex(of: UInt8(ascii: ">")) else { return false }
                rest = rest[(end + 1)...]
                return true
            }
            let letters = rest.prefix { (65...90).contains($0) || (97...122).contains($0) }
            rest = rest[letters.endIndex...]
            return letters.count >= 3
        }

        mutating func number(most: Int) -> Int? {
            let digits = rest.prefix { (48...57).contains($0) }
            guard (1...3).contains(digits.count) else { return nil }
            rest = rest[digits.endIndex...]
            let number = digits.reduce(0) { $0 * 10 + Int($1) - 48 }
            return number <= most ? number : nil
        }

        /// `[-]h[h[h]][:mm[:ss]]` in seconds.
        mutating func time(most hours: Int) -> Int? {
            let isNegative = takes("-")
            if !isNegative { _ = takes("+") }
            guard var seconds = number(most: hours).map({ $0 * 3600 }) else { return nil }
            for unit in [60, 1] {
                guard takes(":") else { break }
                guard let part = number(most: 59) else { return nil }
                seconds += part * unit
            }
            return isNegative ? -seconds : seconds
        }

        mutating func change() -> Change? {
            guard let day = day() else { return nil }
            guard takes("/") else { return Change(day: day, second: 7200) }
            return time(most: 167).map { Change(day: day, second: $0) }
        }

        private mutating func day() -> Change.Day? {
            if takes("M") {
                guard let month = number(most: 12), month > 0, takes("."), let week = number(most: 5), week > 0,
                    takes("."), let day = number(most: 6)
                else { return nil }
                return .weekday(month: month, week: week, day: day)
            }
            if takes("J") { return number(most: 365).flatMap { $0 > 0 ? .julian($0) : nil } }
            return number(most: 365).map { .ordinal($0) }
        }
    }
}
