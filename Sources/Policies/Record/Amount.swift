/// An amount of money or tokens: a whole number, or a decimal one that is reckoned with exactly and keeps its scale.
///
/// A decimal has at most 18 digits before its point and as many after it; a whole number fits into 64 bits, as those of
/// Redis do.
public struct Amount: Sendable, Hashable, Comparable, ExpressibleByIntegerLiteral,
    LosslessStringConvertible
{
    /// The number without its point: 1250 of 12.50.
    private let units: Int128
    /// How many of the digits stand behind the point.
    public let scale: Int

    /// The most digits of a decimal on either side of its point.
    static let mostDigits = 18

    /// What an amount may look like, for messages.
    package static let expectation = "expected an amount like 12 or 12.50, 0 or more"

    /// Makes a whole amount.
    public init(_ whole: Int64) {
        units = Int128(whole)
        scale = 0
    }

    /// Makes a whole amount.
    public init(integerLiteral whole: Int64) {
        self.init(whole)
    }

    /// Reads an amount like `12` or `12.50`; nil for what is none.
    public init?(_ description: String) {
        self.init(text: description)
    }

    private init(units: Int128, scale: Int) {
        self.units = units
        self.scale = scale
    }

    /// Reads an amount; nil for what is none: an exponent, a sign but a minus, spaces, digits that are too many.
    ///
    /// One zero behind the point is how languages write a whole number that know but one kind, so that `7.0` is 7.
    package init?(text: String) {
        if let whole = Int64(text), text.utf8.first != UInt8(ascii: "+") {
            self.init(whole)
            return
        }
        let isNegative = text.utf8.first == UInt8(ascii: "-")
        let parts = (isNegative ? text.dropFirst() : text[...])
            .split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy(Self.isDigits), let number = Int128(String(parts[0] + parts[1])) else {
            return nil
        }
        let signed = isNegative ? -number : number
        if parts[1] == "0" {
            self.init(units: signed / 10, scale: 0)
        } else {
            self.init(units: signed, scale: parts[1].utf8.count)
        }
    }

    /// Reads a balance as Redis and the function that adds to it do: also without zeros that lead, and with those that end.
    package init?(balance text: String) {
        let digits = text.utf8.first == UInt8(ascii: "-") ? text.dropFirst() : text[...]
        let parts = digits.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, first == "0" || first.utf8.first != UInt8(ascii: "0") else { return nil }
        if parts.count == 1 {
            guard let whole = Int64(text), String(whole) == text else { return nil }
            self.init(whole)
            return
        }
        guard parts.allSatisfy(Self.isDigits), let number = Int128(String(parts[0] + parts[1])) else { return nil }
        self.init(units: text.utf8.first == UInt8(ascii: "-") ? -number : number, scale: parts[1].utf8.count)
    }

    private static func isDigits(_ part: Substring) -> Bool {
        (1...mostDigits).contains(part.utf8.count)
            && part.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }

    /// The amount as it is written, with as many digits behind the point as it has.
    package var text: String {
        guard scale > 0 else { return Int64(exactly: units).map { String($0) } ?? String(units) }
        let digits = String(units.magnitude)
        let padded = String(repeating: "0", count: max(0, scale + 1 - digits.utf8.count)) + digits
        return "\(units < 0 ? "-" : "")\(padded.dropLast(scale)).\(padded.suffix(scale))"
    }

    /// The amount as it is written.
    public var description: String { text }

    /// The whole number that it is; nil for a decimal.
    public var whole: Int64? { scale == 0 ? Int64(exactly: units) : nil }

    /// The amount as a floating-point number, rounded: for what is only measured.
    public var approximate: Double {
        var power = 1.0
        for _ in 0..<scale { power *= 10 }
        return Double(units) / power
    }

    /// The amount without its sign.
    package var magnitude: Amount { units < 0 ? -self : self }

    /// The same, taken instead of given.
    public static prefix func - (amount: Amount) -> Amount {
        Amount(units: 0 - amount.units, scale: amount.scale)
    }

    /// The exact sum, with the larger of the two scales; whole numbers stop at the ends of `Int64`.
    ///
    /// 36 digits and two more are still far from what the units hold.
    public static func + (one: Amount, other: Amount) -> Amount {
        if let first = one.whole, let second = other.whole { return Amount(first.bounded(plus: second)) }
        let scale = max(one.scale, other.scale)
        let (sum, overflow) = one.units(at: scale).addingReportingOverflow(other.units(at: scale))
        return overflow ? one : Amount(units: sum, scale: scale)
    }

    /// Adds it.
    public static func += (sum: inout Amount, other: Amount) {
        sum = sum + other
    }

    /// Compares the numbers, whatever their scales.
    public static func < (one: Amount, other: Amount) -> Bool {
        let scale = max(one.scale, other.scale)
        return one.units(at: scale) < other.units(at: scale)
    }

    private func units(at wanted: Int) -> Int128 {
        var units = units
        for _ in scale..<wanted {
            let (product, overflow) = units.multipliedReportingOverflow(by: 10)
            guard !overflow else { return units < 0 ? .min : .max }
            units = product
        }
        return units
    }

    /// Whether it can be added to a balance, so that the sum is still an amount.
    package func fits(_ balance: Amount) -> Bool {
        if let one = whole, let other = balance.whole { return !one.addingReportingOverflow(other).overflow }
        return Self(balance: (self + balance).text) != nil
    }
}
