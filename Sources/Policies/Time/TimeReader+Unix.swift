extension TimeReader {
    /// The most digits of a number that are taken: more than any form has, and no more than fit.
    private static let mostDigits = 19

    /// A number, read as a Unix time of that unit, or of the one that its digits tell.
    mutating func unixTime(_ unit: TimeUnit?) -> TimeReading.Outcome {
        var value: UInt64 = 0
        var digits = 0
        guard read(into: &value, &digits) != nil else { return .unreadable(RecordTime.expectation) }
        if isAtEnd { return time(value, digits: digits, scale: 0, exponent: nil, unit) }
        var scale = 0
        if skip(".") {
            guard let count = read(into: &value, &digits), count > 0 else {
                return .unreadable(RecordTime.expectation)
            }
            scale = count
        }
        var exponent: TimeForm.Exponent?
        if let byte = next, byte | 0x20 == UInt8(ascii: "e") {
            guard let (power, style) = power() else { return .unreadable(RecordTime.expectation) }
            exponent = style
            exponent?.hasPoint = scale > 0
            scale -= power
        }
        guard isAtEnd else { return .unreadable(RecordTime.expectation) }
        return time(value, digits: digits, scale: scale, exponent: exponent, unit)
    }

    /// Digits onto the value, zeros before it not counted; how many were read, nil where they don't fit.
    private mutating func read(into value: inout UInt64, _ digits: inout Int) -> Int? {
        var count = 0
        while let digit = digit() {
            count += 1
            if value > 0 || digit > 0 { digits += 1 }
            guard digits <= Self.mostDigits else { return nil }
            value = value * 10 + UInt64(digit)
        }
        return count
    }

    /// `e9`, `E12`, `e+09`.
    private mutating func power() -> (power: Int, TimeForm.Exponent)? {
        let isUpper = !skip("e")
        if isUpper, !skip("E") { return nil }
        let hasPlus = skip("+")
        guard let (power, digits) = number(digits: 1...2) else { return nil }
        return (Int(power), TimeForm.Exponent(isUpper: isUpper, hasPlus: hasPlus, digits: digits))
    }

    /// The time that a number stands for, which is the value divided by 10 to the power of the scale.
    private func time(
        _ value: UInt64, digits: Int, scale: Int, exponent: TimeForm.Exponent?, _ unit: TimeUnit?
    ) -> TimeReading.Outcome {
        guard value > 0 else { return .none }
        let whole = digits - scale
        guard let found = TimeUnit(digitsOfTime: whole), unit == nil || unit == found else {
            return .unreadable(Self.expectation(unit))
        }
        // Whatever the unit, a time has 13 digits in milliseconds, so that neither step overflows.
        let shift = 3 - found.digits - scale
        let milliseconds = shift >= 0 ? value * Self.power(shift) : value / Self.power(-shift)
        let form = TimeForm.Unix(unit: found, fractionDigits: max(0, scale), exponent: exponent)
        return .time(RecordTime(timestamp: Timestamp(milliseconds: Int64(milliseconds)), form: .unix(form)))
    }

    /// 10 to the power of a number of at most ``mostDigits``.
    private static func power(_ exponent: Int) -> UInt64 {
        var power: UInt64 = 1
        for _ in 0..<exponent { power *= 10 }
        return power
    }

    /// What a number has to be, in words.
    private static func expectation(_ unit: TimeUnit?) -> String {
        guard let unit else {
            return "no Unix time has so many digits, expected 10 of seconds, 13 of milliseconds, 16 of microseconds "
                + "or 19 of nanoseconds"
        }
        return "expected a Unix time in \(unit.noun), of \(unit.digitsOfTime) digits (time-unit is \(unit.rawValue))"
    }
}
