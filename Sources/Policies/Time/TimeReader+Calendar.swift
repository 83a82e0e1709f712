extension TimeReader {
    /// A date that begins with its year, and a time of day; without a zone it is that of the local zone, or UTC.
    mutating func calendarTime(_ local: LocalZone?) -> TimeReading.Outcome {
        var details = TimeForm.ISO8601()
        guard let date = date(&details) else { return .unreadable(RecordTime.expectation) }
        if date.isNothing { return .none }
        if isAtEnd {
            // 1970 alone is nobody's birthday either; any other date lacks its time of day.
            return date.isEpoch ? .none : .unreadable("a date without a time of day, \(RecordTime.expectation)")
        }
        guard let day = CivilDate(year: date.year, month: date.month, day: date.day),
            let time = timeOfDay(&details), zone(&details, local), isAtEnd
        else { return .unreadable(RecordTime.expectation) }
        let reading = Int64(day.daysSinceEpoch) * 86_400_000 + time
        return Self.outcome(of: reading, in: details.zone, .iso8601(details))
    }

    /// The time that a reading of a clock in a zone stands for, given in milliseconds as if it were UTC.
    static func outcome(of reading: Int64, in zone: TimeForm.Zone, _ form: TimeForm) -> TimeReading.Outcome {
        let milliseconds = zone.milliseconds(showing: reading)
        if milliseconds == 0 || reading == 0 { return .none }
        guard milliseconds >= RecordTime.earliest else {
            return .unreadable("expected a time after 2001-09-09, before which nothing of this began")
        }
        guard milliseconds <= RecordTime.latest else { return .unreadable(RecordTime.expectation) }
        return .time(RecordTime(timestamp: Timestamp(milliseconds: milliseconds), form: form))
    }

    /// A year, a month and a day, which the calendar may not have.
    private struct Written {
        let year: Int
        let month: Int
        let day: Int

        /// Whether it is the first day of the calendar, which Go and .NET write for nothing (and in zones west of
        /// Greenwich the day before), or MySQL's 0000-00-00.
        var isNothing: Bool { year == 0 || (year == 1 && month == 1 && day == 1) }

        var isEpoch: Bool { year == 1970 && month == 1 && day == 1 }
    }

    /// `2026-11-29`, `2026/11/29` or `20261129`.
    private mutating func date(_ details: inout TimeForm.ISO8601) -> Written? {
        guard let year = number(digits: 4...4)?.value else { return nil }
        let isDashed = skip("-")
        let isSlashed = !isDashed && skip("/")
        guard let month = number(digits: 2...2)?.value else { return nil }
        if isDashed, !skip("-") { return nil }
        if isSlashed, !skip("/") { return nil }
        guard let day = number(digits: 2...2)?.value else { return nil }
        if isSlashed { details.style.insert(.slashes) }
        if !isDashed, !isSlashed { details.style.insert(.basic) }
        return Written(year: Int(year), month: Int(month), day: Int(day))
    }

    /// The milliseconds since midnight, after `T` or a space.
    ///
    /// Java leaves out seconds that are zero, so a time may have none; without separators it must have all.
    private mutating func timeOfDay(_ details: inout TimeForm.ISO8601) -> Int64? {
        if skip("t") {
            details.style.insert(.lowercaseT)
        } else if !skip("T") {
            guard skip(" ") else { return nil }
            details.hasSpace = true
        }
        let isBasic = details.style.contains(.basic)
        guard let hour = pair(below: 24), isBasic || skip(":"), let minute = pair(below: 60) else { return nil }
        var milliseconds = (hour * 3_600 + minute * 60) * 1_000
        guard isBasic || skip(":") else {
            details.style.insert(.omitsSeconds)
            return milliseconds
        }
        guard let second = pair(below: 60) else { return nil }
        milliseconds += second * 1_000
        let isComma = skip(",")
        if isComma || skip(".") {
            guard let fraction = fraction() else { return nil }
            details.fractionDigits = fraction.digits
            if isComma { details.style.insert(.comma) }
            milliseconds += fraction.milliseconds
        }
        return milliseconds
    }

    /// What follows the time of day; false where that is no zone.
    private mutating func zone(_ details: inout TimeForm.ISO8601, _ local: LocalZone?) -> Bool {
        if isAtEnd {
            details.zone = local.map { .local($0) } ?? TimeForm.Zone.none
            return true
        }
        guard skip(" ") else {
            if skip("Z") {
                details.zone = .utc
            } else if skip("z") {
                details.style.insert(.lowercaseZ)
            } else {
                guard let offset = offset() else { return false }
                details.zone = offset
            }
            return true
        }
        details.style.insert(.spacedZone)
        if let name = namedZone() {
            details.zone = name
            return true
        }
        guard let offset = offset() else { return false }
        details.zone = offset
        guard skip(" ") else { return true }
        // Go says what the zone is called after its offset, and what its monotonic clock showed.
        guard let name = zoneName() else { return false }
        details.abbreviation = name
        return !skip(" ") || monotonicClock()
    }

    /// `UTC` or `GMT`, which some write for the offset 0; no other name means one offset alone.
    mutating func namedZone() -> TimeForm.Zone? {
        TimeForm.ZoneName.allCases.first { skip(word: $0.rawValue) }.map { .named($0) }
    }

    /// `m=+0.012345678`.
    private mutating func monotonicClock() -> Bool {
        guard skip(word: "m="), skip("+") || skip("-"), number(digits: 1...18) != nil else { return false }
        return isAtEnd || (skip(".") && number(digits: 1...9) != nil)
    }
}
