/// A time as a record has it: the point in time, and the form it is written in.
package struct RecordTime: Sendable, Hashable {
    /// The point in time, cut to milliseconds.
    package var timestamp: Timestamp
    /// How the record writes it.
    package var form: TimeForm

    /// The last millisecond of the year 9999.
    static let latest: Int64 = 253_402_300_799_999

    /// The largest whole number that is taken for seconds.
    static let latestSeconds: Int64 = 99_999_999_999

    /// What a time may look like, for messages.
    static let expectation = "expected Unix seconds, Unix milliseconds or ISO 8601"

    /// Makes a time from its parts.
    package init(timestamp: Timestamp, form: TimeForm) {
        self.timestamp = timestamp
        self.form = form
    }

    /// Reads Unix seconds, Unix milliseconds or ISO 8601; nil for anything else.
    ///
    /// - Digits alone are seconds below 10¹¹ (the year 5138), else milliseconds, which therefore can't be told before
    ///   March 1973. Seconds may have up to nine digits after a point; milliseconds may not.
    /// - ISO 8601 must have a date, `T` or a space, hours, minutes and seconds; a fraction of up to nine digits; `Z`, an
    ///   offset (`+02:00`, `+0200`, `+02`) or nothing, which is UTC. A date alone is refused: taken as midnight, it
    ///   would make a fresh record look many hours old.
    /// - Nothing before 1970 or after 9999, no sign, no spaces around, no exponent.
    package init?(text: String) {
        var text = text
        let read = text.withUTF8 { utf8 in
            var reader = TimeReader(utf8)
            return reader.isUnix ? reader.unixTime() : reader.isoTime()
        }
        guard let time = read, (0...RecordTime.latest).contains(time.timestamp.milliseconds)
        else { return nil }
        self = time
    }

    /// Another time, written as this one is.
    package func text(for time: Timestamp) -> String {
        form.text(for: time)
    }
}

/// Reads the text of one time from left to right.
///
/// By hand, because this runs for every record of a sweep, and because the lenient parsers of libraries accept what
/// must not decide over a record.
private struct TimeReader {
    private var rest: Slice<UnsafeBufferPointer<UInt8>>

    init(_ utf8: UnsafeBufferPointer<UInt8>) {
        rest = utf8[...]
    }

    /// Whether it can only be a Unix time: ISO 8601 has a dash after the fourth digit.
    var isUnix: Bool {
        rest.dropFirst(4).first != UInt8(ascii: "-")
    }

    mutating func unixTime() -> RecordTime? {
        guard let whole = number(digits: 1...15)?.value else { return nil }
        if rest.isEmpty {
            let isSeconds = whole <= RecordTime.latestSeconds
            let timestamp = Timestamp(milliseconds: isSeconds ? whole * 1_000 : whole)
            return RecordTime(timestamp: timestamp, form: isSeconds ? .seconds : .milliseconds)
        }
        guard let fraction = fraction(), rest.isEmpty else { return nil }
        let timestamp = Timestamp(milliseconds: whole * 1_000 + fraction.milliseconds)
        return RecordTime(timestamp: timestamp, form: .fractionalSeconds(digits: fraction.digits))
    }

    mutating func isoTime() -> RecordTime? {
        guard let year = number(digits: 4...4)?.value, skip("-"), let month = number(digits: 2...2)?.value, skip("-"),
            let day = number(digits: 2...2)?.value,
            let date = CivilDate(year: Int(year), month: Int(month), day: Int(day))
        else { return nil }
        let hasSpace = skip(" ")
        guard hasSpace || skip("T"), let hour = number(digits: 2...2)?.value, hour < 24, skip(":"),
            let minute = number(digits: 2...2)?.value, minute < 60, skip(":"),
            let second = number(digits: 2...2)?.value, second < 60
        else { return nil }
        var milliseconds = Int64(date.daysSinceEpoch) * 86_400_000
        milliseconds += (hour * 3_600 + minute * 60 + second) * 1_000
        var details = TimeForm.ISO8601(hasSpace: hasSpace)
        if rest.first == UInt8(ascii: ".") {
            guard let fraction = fraction() else { return nil }
            details.fractionDigits = fraction.digits
            milliseconds += fraction.milliseconds
        }
        guard let zone = zone(), rest.isEmpty else { return nil }
        details.zone = zone
        milliseconds -= Int64(zone.minutes) * 60_000
        return RecordTime(timestamp: Timestamp(milliseconds: milliseconds), form: .iso8601(details))
    }

    private mutating func zone() -> TimeForm.Zone? {
        if rest.isEmpty { return TimeForm.Zone.none }
        if skip("Z") { return .utc }
        let isNegative = skip("-")
        guard isNegative || skip("+"), let hours = number(digits: 2...2)?.value, hours < 24 else { return nil }
        var style = TimeForm.OffsetStyle.hours
        var minutes: Int64 = 0
        if !rest.isEmpty {
            style = skip(":") ? .colon : .compact
            guard let written = number(digits: 2...2)?.value, written < 60 else { return nil }
            minutes = written
        }
        let magnitude = Int(hours * 60 + minutes)
        return .offset(minutes: isNegative ? -magnitude : magnitude, style: style)
    }

    /// A point and one to nine digits; nil where there is anything else.
    private mutating func fraction() -> (milliseconds: Int64, digits: Int)? {
        guard skip("."), let (value, digits) = number(digits: 1...9) else { return nil }
        var nanoseconds = value
        for _ in digits..<9 { nanoseconds *= 10 }
        return (nanoseconds / 1_000_000, digits)
    }

    /// All digits that follow, where there are as many as expected.
    ///
    /// A range of one length reads just that many, since ISO 8601 may go on with another digit.
    private mutating func number(digits: ClosedRange<Int>) -> (value: Int64, digits: Int)? {
        var value: Int64 = 0
        var count = 0
        while let byte = rest.first, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
            if count == digits.upperBound {
                guard digits.lowerBound == digits.upperBound else { return nil }
                break
            }
            value = value * 10 + Int64(byte - UInt8(ascii: "0"))
            count += 1
            rest.removeFirst()
        }
        return digits.contains(count) ? (value, count) : nil
    }

    private mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard rest.first == UInt8(ascii: character) else { return false }
        rest.removeFirst()
        return true
    }
}
