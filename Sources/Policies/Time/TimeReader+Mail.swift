extension TimeReader {
    /// A time as mail and HTTP write it (RFC 2822): `Sun, 29 Nov 2026 12:30:31 +0000`.
    ///
    /// The day of the week may be left out, but not be wrong.
    mutating func mailTime(_ local: LocalZone?) -> TimeReading.Outcome {
        guard let (reading, form) = mailReading(local) else { return .unreadable(RecordTime.expectation) }
        guard let reading else { return .none }
        return Self.outcome(of: reading, in: form.zone, .rfc2822(form))
    }

    /// What the clock showed, in milliseconds as if it were UTC, nil inside for the year 1; nil where it can't be read.
    private mutating func mailReading(_ local: LocalZone?) -> (Int64?, TimeForm.RFC2822)? {
        var weekday: Int?
        if let byte = next, !Self.isDigit(byte) {
            guard let found = TimeForm.RFC2822.weekdays.firstIndex(where: { skip(word: $0) }), skip(","), skip(" ")
            else { return nil }
            weekday = found
        }
        guard let day = number(digits: 1...2), skip(" "),
            let month = TimeForm.RFC2822.months.firstIndex(where: { skip(word: $0) }), skip(" "),
            let year = number(digits: 4...4)?.value, skip(" "),
            let date = CivilDate(year: Int(year), month: month + 1, day: Int(day.value)),
            weekday == nil || weekday == TimeForm.RFC2822.weekday(date.daysSinceEpoch),
            let hour = pair(below: 24), skip(":"), let minute = pair(below: 60)
        else { return nil }
        var second: Int64 = 0
        if skip(":") {
            guard let written = pair(below: 60) else { return nil }
            second = written
        }
        guard let zone = mailZone(local), isAtEnd else { return nil }
        let form = TimeForm.RFC2822(hasWeekday: weekday != nil, dayDigits: day.digits, zone: zone)
        if year <= 1 { return (nil, form) }
        return (Int64(date.daysSinceEpoch) * 86_400_000 + (hour * 3_600 + minute * 60 + second) * 1_000, form)
    }

    private mutating func mailZone(_ local: LocalZone?) -> TimeForm.Zone? {
        if isAtEnd { return local.map { .local($0) } ?? TimeForm.Zone.none }
        guard skip(" ") else { return nil }
        return namedZone() ?? offset()
    }
}
