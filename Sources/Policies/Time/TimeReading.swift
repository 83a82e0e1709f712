/// How the records of a cleanup write their times: everything that reads a time of a record reads it through here.
///
/// - **Numbers** are Unix times. Those from 2001 to 2286 have 10 digits in seconds, 13 in milliseconds, 16 in
///   microseconds and 19 in nanoseconds, so that the digits before the point tell the unit, and no other number is a
///   time: not a clock that counts from boot, and no date written as `20261129`. Fractions and exponents are fine.
/// - **ISO 8601** and what is close to it: `T` or a space, `-`, `/` or nothing in the date, a fraction after a point or a
///   comma, `Z`, an offset, `UTC`, Go's `+0100 CET m=+0.01`, or nothing, which is ``zone``. **RFC 2822** too.
/// - A date alone is refused: taken as midnight, it would make a fresh record look many hours old.
/// - 0 in any form, `null`, `None`, `nil`, `undefined`, the year 0001 of Go and .NET, 1970-01-01T00:00:00 and MySQL's
///   0000-00-00 are what applications write for "no time yet", and are read as nothing at all.
package struct TimeReading: Sendable, Equatable {
    /// What numbers count; nil: their digits tell.
    package var unit: TimeUnit?
    /// The zone of times that name none; nil: UTC.
    package var zone: LocalZone?
    /// Texts that stand for "no time", beside the usual ones.
    package var nulls: [String]

    /// What a text was found to be.
    package enum Outcome: Sendable, Equatable {
        /// A time.
        case time(RecordTime)
        /// What is written where there is no time.
        case none
        /// No time, or none that can be: what was expected, in words.
        case unreadable(String)
    }

    /// Makes it; everything left out is told by the text itself.
    package init(unit: TimeUnit? = nil, zone: LocalZone? = nil, nulls: [String] = []) {
        self.unit = unit
        self.zone = zone
        self.nulls = nulls
    }

    /// What a text says.
    package func read(_ text: String) -> Outcome {
        if !nulls.isEmpty, nulls.contains(where: { $0.utf8.elementsEqual(text.utf8) }) { return .none }
        var text = text
        return text.withUTF8 { utf8 in
            var reader = TimeReader(utf8)
            switch reader.shape {
            case .number: return reader.unixTime(unit)
            case .calendar: return reader.calendarTime(zone)
            case .mail: return reader.mailTime(zone)
            case .nothing: return .none
            case .other: return .unreadable(RecordTime.expectation)
            }
        }
    }
}

extension RecordTime {
    /// Whether its text names no zone, and none was said either: read as UTC, which may be hours wrong.
    package var isWithoutZone: Bool {
        switch form {
        case .unix: false
        case .iso8601(let details): details.zone == TimeForm.Zone.none
        case .rfc2822(let details): details.zone == TimeForm.Zone.none
        }
    }
}
