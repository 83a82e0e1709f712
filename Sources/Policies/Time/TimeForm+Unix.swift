extension TimeForm {
    /// What varies between the numbers of different apps.
    package struct Unix: Sendable, Hashable {
        /// What is counted.
        package var unit: TimeUnit
        /// Digits after the point; 0 where there is no point.
        package var fractionDigits: Int
        /// How the exponent is written; nil where there is none.
        package var exponent: Exponent?

        /// The form of a whole number, unless told otherwise.
        package init(unit: TimeUnit, fractionDigits: Int = 0, exponent: Exponent? = nil) {
            self.unit = unit
            self.fractionDigits = fractionDigits
            self.exponent = exponent
        }
    }

    /// How a number's exponent is written: `e9`, Lua's and Go's `e+09`, Java's `E12`.
    package struct Exponent: Sendable, Hashable {
        /// Whether it is a capital letter.
        package var isUpper: Bool
        /// Whether a plus stands before it.
        package var hasPlus: Bool
        /// Its least digits.
        package var digits: Int
        /// Whether there is a point even where nothing but a zero follows.
        package var hasPoint = false

        /// Makes it, without a point that isn't needed.
        package init(isUpper: Bool, hasPlus: Bool, digits: Int) {
            self.isUpper = isUpper
            self.hasPlus = hasPlus
            self.digits = digits
        }
    }
}

extension TimeForm.Unix {
    /// The number for a time in milliseconds, of at most 13 digits.
    func text(for milliseconds: Int64) -> String {
        let whole: UInt64
        switch unit {
        case .seconds: whole = UInt64(milliseconds / 1_000)
        case .milliseconds: whole = UInt64(milliseconds)
        case .microseconds: whole = UInt64(milliseconds) * 1_000
        case .nanoseconds: whole = UInt64(milliseconds) * 1_000_000
        }
        if fractionDigits == 0, exponent == nil { return String(whole) }
        let fraction = unit == .seconds ? milliseconds % 1_000 : 0
        let digits = fractionText(of: fraction, digits: fractionDigits)
        guard let exponent else { return "\(whole).\(digits)" }
        return exponent.text(for: "\(whole)\(digits)", power: String(whole).utf8.count - 1)
    }
}

extension TimeForm.Exponent {
    /// Those digits, with a point after the first and the power of ten of that one.
    fileprivate func text(for digits: String, power: Int) -> String {
        var rest = digits.dropFirst()
        while rest.last == "0" { rest.removeLast() }
        if rest.isEmpty, hasPoint { rest = "0" }
        let mantissa = rest.isEmpty ? "\(digits.prefix(1))" : "\(digits.prefix(1)).\(rest)"
        return mantissa + (isUpper ? "E" : "e") + (hasPlus ? "+" : "") + padded(Int64(power), to: self.digits)
    }
}

/// That many digits of a second's fraction, in milliseconds; zeros for what is finer.
func fractionText(of milliseconds: Int64, digits: Int) -> String {
    // Most have three, and are written for every record.
    let three = padded(milliseconds, to: 3)
    guard digits != 3 else { return three }
    return three.prefix(digits) + String(repeating: "0", count: max(0, digits - 3))
}
