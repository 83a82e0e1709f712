/// How a record writes its times, so that a time can be written back in the form that the app already reads.
package enum TimeForm: Sendable, Hashable {
    /// A number: `1690000000`, `1690000000123`, `1.69e9`.
    case unix(Unix)
    /// A date and time of ISO 8601, or close to it: `2023-07-22T04:26:40.123Z`.
    case iso8601(ISO8601)
    /// A date and time as in mail: `Sat, 22 Jul 2023 04:26:40 +0000`.
    case rfc2822(RFC2822)

    /// Whole Unix seconds: `1690000000`.
    package static let seconds = TimeForm.unix(Unix(unit: .seconds))
    /// Whole Unix milliseconds: `1690000000123`.
    package static let milliseconds = TimeForm.unix(Unix(unit: .milliseconds))

    /// Unix seconds with that many digits after the point: `1690000000.123`.
    package static func fractionalSeconds(digits: Int) -> TimeForm {
        .unix(Unix(unit: .seconds, fractionDigits: digits))
    }

    /// The time written in this form.
    ///
    /// What the form has no digits for is cut off, never rounded up: a time that is written must not lie in the future.
    /// A time outside the years 1970 to 9999, or in numbers to 2286, is written as the nearest one inside.
    package func text(for time: Timestamp) -> String {
        let milliseconds = min(max(time.milliseconds, 0), RecordTime.latest)
        return switch self {
        case .unix(let unix): unix.text(for: min(milliseconds, RecordTime.latestNumber))
        case .iso8601(let details): details.text(for: milliseconds)
        case .rfc2822(let details): details.text(for: milliseconds)
        }
    }
}

extension TimeForm {
    /// The zone at the end of a text.
    package enum Zone: Sendable, Hashable {
        /// Nothing: taken as UTC.
        case none
        /// Nothing: the zone that the configuration says.
        case local(LocalZone)
        /// `Z`.
        case utc
        /// A name that means UTC.
        case named(ZoneName)
        /// `+02:00`, `+0200` or `+02`: minutes east of Greenwich, and which of the three.
        case offset(minutes: Int, style: OffsetStyle)
    }

    /// The names of UTC that are understood.
    package enum ZoneName: String, CaseIterable, Sendable, Hashable {
        /// As Ruby writes it.
        case utc = "UTC"
        /// As HTTP does.
        case gmt = "GMT"
    }

    /// How an offset is written.
    package enum OffsetStyle: Sendable, Hashable {
        /// `+02:00`.
        case colon
        /// `+0200`.
        case compact
        /// `+02`, as PostgreSQL writes whole hours.
        case hours
    }
}

extension TimeForm.Zone {
    /// What clocks of this zone show at a time, both in milliseconds.
    func reading(at milliseconds: Int64) -> Int64 {
        switch self {
        case .none, .utc, .named: milliseconds
        case .offset(let minutes, _): milliseconds + Int64(minutes) * 60_000
        case .local(let zone): milliseconds + zone.offset(at: milliseconds / 1_000) * 1_000
        }
    }

    /// The time at which clocks of this zone show a reading, both in milliseconds.
    func milliseconds(showing reading: Int64) -> Int64 {
        switch self {
        case .none, .utc, .named: return reading
        case .offset(let minutes, _): return reading - Int64(minutes) * 60_000
        case .local(let zone):
            let fraction = reading % 1_000
            return zone.second(showing: (reading - fraction) / 1_000) * 1_000 + fraction
        }
    }

    /// How it is written.
    var text: String {
        switch self {
        case .none, .local: return ""
        case .utc: return "Z"
        case .named(let name): return name.rawValue
        case .offset(let minutes, let style):
            let magnitude = Int64(minutes.magnitude)
            let hours = (minutes < 0 ? "-" : "+") + padded(magnitude / 60, to: 2)
            switch style {
            case .colon: return hours + ":" + padded(magnitude % 60, to: 2)
            case .compact: return hours + padded(magnitude % 60, to: 2)
            case .hours: return hours
            }
        }
    }
}

/// A number that isn't negative, with zeros before it up to that width.
func padded(_ number: Int64, to width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
}
