extension TimeForm {
    /// What varies between the texts of different apps that begin with the year.
    package struct ISO8601: Sendable, Hashable {
        /// Digits after the seconds' point; 0 where there is no point.
        package var fractionDigits: Int
        /// Whether a space stands between date and time instead of `T`.
        package var hasSpace: Bool
        /// How the zone is written.
        package var zone: Zone
        /// What is unusual about it.
        package var style: Style
        /// What the zone is called after its offset, as Go writes it.
        package var abbreviation: Abbreviation

        /// The form of `2023-07-22T04:26:40Z`, unless told otherwise.
        package init(
            fractionDigits: Int = 0, hasSpace: Bool = false, zone: Zone = .utc, style: Style = [],
            abbreviation: Abbreviation = Abbreviation()
        ) {
            self.fractionDigits = fractionDigits
            self.hasSpace = hasSpace
            self.zone = zone
            self.style = style
            self.abbreviation = abbreviation
        }
    }

    /// Up to eight characters of ASCII, or none: no `String`, so that the many times without one are cheap to hand on.
    package struct Abbreviation: Sendable, Hashable {
        private var bytes: UInt64 = 0

        /// No abbreviation.
        package init() {}

        /// One of these bytes, as far as there is room.
        init(_ ascii: some Sequence<UInt8>) {
            for byte in ascii.prefix(8) { bytes = bytes << 8 | UInt64(byte & 0x7F) }
        }

        var isEmpty: Bool { bytes == 0 }

        /// The characters.
        var text: String {
            let all = (0..<8).reversed().map { UInt8(truncatingIfNeeded: bytes >> (8 * UInt64($0))) }
            return String(decoding: all.drop { $0 == 0 }, as: UTF8.self)
        }
    }

    /// What is unusual about a text that begins with the year.
    package struct Style: OptionSet, Sendable, Hashable {
        /// The set as bits.
        package let rawValue: UInt8

        /// Makes it from bits.
        package init(rawValue: UInt8) {
            self.rawValue = rawValue
        }

        /// Slashes in the date: `2023/07/22`.
        package static let slashes = Style(rawValue: 1)
        /// No marks between the digits: `20230722T042640Z`.
        package static let basic = Style(rawValue: 2)
        /// A comma before the fraction.
        package static let comma = Style(rawValue: 4)
        /// A space before the zone.
        package static let spacedZone = Style(rawValue: 8)
        /// `t` for `T`.
        package static let lowercaseT = Style(rawValue: 16)
        /// `z` for `Z`.
        package static let lowercaseZ = Style(rawValue: 32)
        /// Seconds are left out where they are zero, as Java does it.
        package static let omitsSeconds = Style(rawValue: 64)
    }
}

extension TimeForm.ISO8601 {
    /// Written digit by digit: this runs for every record that is past its time.
    func text(for milliseconds: Int64) -> String {
        let local = min(zone.reading(at: milliseconds), RecordTime.latest)
        // West of Greenwich the first hours of 1970 are still 1969, and division must round down there.
        let days = (local < 0 ? local - 86_399_999 : local) / 86_400_000
        let date = CivilDate(daysSinceEpoch: Int(days))
        let second = Int((local - days * 86_400_000) / 1_000)
        let isBasic = style.contains(.basic)
        let dateMark: Unicode.Scalar? = isBasic ? nil : style.contains(.slashes) ? "/" : "-"
        let timeMark: Unicode.Scalar? = isBasic ? nil : ":"
        let isShort = style.contains(.omitsSeconds) && local % 60_000 == 0
        let end = end(milliseconds)
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
            write(date.month, width: 2, after: dateMark)
            write(date.day, width: 2, after: dateMark)
            write(second / 3_600, width: 2, after: hasSpace ? " " : style.contains(.lowercaseT) ? "t" : "T")
            write(second / 60 % 60, width: 2, after: timeMark)
            if !isShort { write(second % 60, width: 2, after: timeMark) }
            end.utf8.forEach(write)
            return place
        }
    }

    /// The fraction and the zone.
    private func end(_ milliseconds: Int64) -> String {
        var end = ""
        if fractionDigits > 0 {
            end = style.contains(.comma) ? "," : "."
            end += fractionText(of: milliseconds % 1_000, digits: fractionDigits)
        }
        if style.contains(.spacedZone) { end += " " }
        end += style.contains(.lowercaseZ) ? "z" : zone.text
        return abbreviation.isEmpty ? end : end + " " + abbreviation.text
    }
}
