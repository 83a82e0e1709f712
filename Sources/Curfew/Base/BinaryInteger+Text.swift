extension BinaryInteger {
    /// The number with grouped digits: `20,000`.
    package var grouped: String { grouped(by: ",", minus: "-") }

    /// The same with another separator and minus sign.
    package func grouped(by separator: Character, minus: String) -> String {
        var text = ""
        for (place, digit) in String(magnitude).reversed().enumerated() {
            if place > 0, place % 3 == 0 { text.append(separator) }
            text.append(digit)
        }
        return (self < 0 ? minus : "") + String(text.reversed())
    }
}
