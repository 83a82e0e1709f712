/// How a record writes its times, so that a time can be written back in the form that the app already reads.
package enum TimeForm: Sendable, Hashable {
    /// Whole Unix seconds: `1690000000`.
    case seconds
    /// Unix seconds with that many digits after the point: `1690000000.123`.
    case fractionalSeconds(digits: Int)
    /// Whole Unix milliseconds: `1690000000123`.
    case milliseconds
    /// A date and time of ISO 8601: `2023-07-22T04:26:40.123Z`.
    case iso8601(ISO8601)

    /// What varies between the ISO 8601 texts of different apps.
    package struct ISO8601: Sendable, Hashable {
        /// Digits after the seconds' point; 0 where there is no point.
        package var fractionDigits: Int
        /// Whether a space stands between date and time instead of `T`.
        package var hasSpace: Bool
        /// How the zone is written.
        package var zone: Zone

        /// The form of `2023-07-22T04:26:40Z`, unless told otherwise.
        package init(fractionDigits: Int = 0, hasSpace: Bool = false, zone: Zone = .utc) {
            self.fractionDigits = fractionDigits
            self.hasSpace = hasSpace
            self.zone = zone
        }
    }

    /// The zone at the end of an ISO 8601 text.
    package enum Zone: Sendable, Hashable {
        /// Nothing: taken as UTC.
        case none
        /// `Z`.
        case utc
        /// `+02:00`, `+0200` or `+02`: minutes east of Greenwich, and which of the three.
        case offset(minutes: Int, style: OffsetStyle)

        /// Minutes east of Greenwich.
        package var minutes: Int {
            guard case .offset(let minutes, _) = self else { return 0 }
            return minutes
        }
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

    /// The time written in this form.
    ///
    /// What the form has no digits for is cut off, never rounded up: a time that is written must not lie in the future.
    /// A time outside the years 1970 to 9999 is written as the nearest one inside, so that it can be read again.
    package func text(for time: Timestamp) -> String {
        let milliseconds = min(max(time.milliseconds, 0), RecordTime.latest)
        switch self {
        case .seconds: return String(min(milliseconds / 1_000, RecordTime.latestSeconds))
        case .milliseconds: return String(milliseconds)
        case .fractionalSeconds(let digits):
            return "\(milliseconds / 1_000)" + fraction(of: milliseconds, digits: digits)
        case .iso8601(let details): return details.text(for: milliseconds)
        }
    }
}

extension TimeForm.ISO8601 {
    /// Written digit by digit: this runs for every record that is past its time.
    fileprivate func text(for milliseconds: Int64) -> String {
        let local = min(milliseconds + Int64(zone.minutes) * 60_000, RecordTime.latest)
        // West of Greenwich the first hours of 1970 are still 1969, and division must round down there.
        let days = (local < 0 ? local - 86_399_999 : local) / 86_400_000
        let date = CivilDate(daysSinceEpoch: Int(days))
        let second = Int((local - days * 86_400_000) / 1_000)
        let end = fractionDigits > 0 ? fraction(of: milliseconds, digits: fractionDigits) + zone.text : zone.text
        return String(unsafeUninitializedCapacity: 19 + end.utf8.count) { target in
            var place = 0
            func write(_ byte: UInt8) {
                target[place] = byte
                place += 1
            }
            func write(_ value: Int, width: Int, after mark: Unicode.Scalar? = nil) {
                if let mark { write(UInt8(ascii: mark)) }
                var rest = value
                for digit in 1...width {
                    target[place + width - digit] = UInt8(ascii: "0") + UInt8(rest % 10)
                    rest /= 10
                }
                place += width
            }
            write(date.year, width: 4)
            write(date.month, width: 2, after: "-")
            write(date.day, width: 2, after: "-")
            write(second / 3_600, width: 2, after: hasSpace ? " " : "T")
            write(second / 60 % 60, width: 2, after: ":")
            write(second % 60, width: 2, after: ":")
            end.utf8.forEach(write)
            return place
        }
    }
}

extension TimeForm.Zone {
    fileprivate var text: String {
        switch self {
        case .none: return ""
        case .utc: return "Z"
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

/// The point and that many digits of the second's fraction; nothing for none.
private func fraction(of milliseconds: Int64, digits: Int) -> String {
    guard digits > 0 else { return "" }
    let three = padded(milliseconds % 1_000, to: 3)
    return "." + three.prefix(digits) + String(repeating: "0", count: max(0, digits - 3))
}

/// A number that isn't negative, with zeros before it up to that width.
private func padded(_ number: Int64, to width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
}
