/// Reads the text of one time from left to right.
///
/// By hand, because this runs for every record of a sweep, and because the lenient parsers of libraries accept what
/// must not decide over a record.
struct TimeReader {
    /// What a text looks like from its first few bytes.
    enum Shape {
        /// Digits, maybe with a point or an exponent.
        case number
        /// A date that begins with its year.
        case calendar
        /// A date as mail has it: day, month, year.
        case mail
        /// A word for nothing.
        case nothing
        /// None of these.
        case other
    }

    private let utf8: UnsafeBufferPointer<UInt8>
    private var place = 0

    init(_ utf8: UnsafeBufferPointer<UInt8>) {
        self.utf8 = utf8
    }

    /// The next byte; nil at the end.
    var next: UInt8? { place < utf8.count ? utf8[place] : nil }

    /// Whether everything is read.
    var isAtEnd: Bool { place == utf8.count }

    /// What the whole text looks like.
    var shape: Shape {
        guard let first = next else { return .nothing }
        if Self.isDigit(first) {
            switch byte(4) {
            case UInt8(ascii: "-"), UInt8(ascii: "/"): return .calendar
            default: break
            }
            if let mark = byte(8), mark | 0x20 == UInt8(ascii: "t") { return .calendar }
            return byte(1) == UInt8(ascii: " ") || byte(2) == UInt8(ascii: " ") ? .mail : .number
        }
        if byte(3) == UInt8(ascii: ",") { return .mail }
        return isNothing ? .nothing : .other
    }

    /// Words that languages print where there is no value, in any case; and the year 1 as the number that Go and Java
    /// make of it, in each of the four units (in nanoseconds it overflows).
    private static let nothings: [[UInt8]] = [
        "null", "none", "nil", "undefined", "-62135596800", "-62135596800000", "-62135596800000000",
        "-6795364578871345152",
    ].map { Array($0.utf8) }

    private var isNothing: Bool {
        Self.nothings.contains { word in
            word.count == utf8.count && zip(word, utf8).allSatisfy { $0 == $1 || ($0 > 0x40 && $0 == $1 | 0x20) }
        }
    }

    private func byte(_ place: Int) -> UInt8? { place < utf8.count ? utf8[place] : nil }

    static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    static func isLetter(_ byte: UInt8) -> Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) }

    /// The next digit, which is then read; nil where there is another byte or none.
    mutating func digit() -> UInt8? {
        guard let byte = next, Self.isDigit(byte) else { return nil }
        place += 1
        return byte - UInt8(ascii: "0")
    }

    /// All digits that follow, where there are as many as expected.
    ///
    /// A range of one length reads just that many, since a date may go on with another digit.
    mutating func number(digits: ClosedRange<Int>) -> (value: Int64, digits: Int)? {
        var value: Int64 = 0
        var count = 0
        while let byte = next, Self.isDigit(byte) {
            if count == digits.upperBound {
                guard digits.lowerBound == digits.upperBound else { return nil }
                break
            }
            value = value * 10 + Int64(byte - UInt8(ascii: "0"))
            count += 1
            place += 1
        }
        return digits.contains(count) ? (value, count) : nil
    }

    /// Two digits below a limit.
    mutating func pair(below limit: Int64) -> Int64? {
        guard let value = number(digits: 2...2)?.value, value < limit else { return nil }
        return value
    }

    /// Goes past that character, where it is next.
    mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: character) else { return false }
        place += 1
        return true
    }

    /// Goes past that text, where it is next.
    mutating func skip(word: String) -> Bool {
        let end = place + word.utf8.count
        guard end <= utf8.count, utf8[place..<end].elementsEqual(word.utf8) else { return false }
        place = end
        return true
    }

    /// The letters, digits and signs that follow: what a zone is called.
    mutating func zoneName() -> TimeForm.Abbreviation? {
        let start = place
        while let byte = next, Self.isDigit(byte) || Self.isLetter(byte) || byte == 0x2B || byte == 0x2D { place += 1 }
        return (1...6).contains(place - start) ? TimeForm.Abbreviation(utf8[start..<place]) : nil
    }

    /// One to nine digits of a second's fraction, after the point; nil where there is anything else.
    mutating func fraction() -> (milliseconds: Int64, digits: Int)? {
        guard let (value, digits) = number(digits: 1...9) else { return nil }
        var nanoseconds = value
        for _ in digits..<9 { nanoseconds *= 10 }
        return (nanoseconds / 1_000_000, digits)
    }

    /// Hours and minutes after a sign, with or without a colon.
    mutating func offset() -> TimeForm.Zone? {
        let isNegative = skip("-")
        guard isNegative || skip("+"), let hours = pair(below: 24) else { return nil }
        var style = TimeForm.OffsetStyle.hours
        var minutes: Int64 = 0
        if let byte = next, byte == UInt8(ascii: ":") || Self.isDigit(byte) {
            style = skip(":") ? .colon : .compact
            guard let written = pair(below: 60) else { return nil }
            minutes = written
        }
        let magnitude = Int(hours * 60 + minutes)
        return .offset(minutes: isNegative ? -magnitude : magnitude, style: style)
    }
}
