/// The units that a duration is written in, longest first.
private let units: [(name: String, milliseconds: Int64)] = [
    ("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1),
]

extension Duration {
    /// Reads a duration as people write it: `500ms`, `15m`, `1h30m`, `1h 30m`, `7d`, `2w`, `0s`.
    ///
    /// Units go from longest to shortest, each at most once, so that `30m1h` and `5m5m` count as mistakes. A bare
    /// number has no unit and isn't a duration. Answers nil for whatever can't be read, is negative or is longer
    /// than `Int64` milliseconds.
    package init?(text: String) {
        var rest = Substring(text)
        var total: Int64 = 0
        var nextUnit = 0
        repeat {
            let digits = rest.prefix { ("0"..."9").contains($0) }
            rest = rest.dropFirst(digits.count)
            let name = rest.prefix { ("a"..."z").contains($0) }
            rest = rest.dropFirst(name.count)
            guard let number = Int64(digits), let unit = units[nextUnit...].firstIndex(where: { $0.name == name })
            else {
                return nil
            }
            let (part, overflow) = number.multipliedReportingOverflow(by: units[unit].milliseconds)
            let (sum, sumOverflow) = total.addingReportingOverflow(part)
            guard !overflow, !sumOverflow else { return nil }
            total = sum
            nextUnit = unit + 1
            if rest.first == " " {
                rest = rest.dropFirst()
                guard !rest.isEmpty else { return nil }
            }
        } while !rest.isEmpty
        self = .milliseconds(total)
    }

    /// The shortest text that reads back as this duration: `1h30m`, `7d`, `1m500ms`, `0s`.
    ///
    /// Days are the longest unit written: `14d`, as retention times are spoken of. Less than a millisecond is dropped;
    /// a negative duration gets a minus sign, which doesn't read back.
    package var text: String { Self.text(of: milliseconds) }

    private static func text(of milliseconds: Int64) -> String {
        var rest = milliseconds.magnitude
        guard rest > 0 else { return "0s" }
        var text = milliseconds < 0 ? "-" : ""
        for unit in units.dropFirst() {
            let length = UInt64(unit.milliseconds)
            guard rest >= length else { continue }
            text += String(rest / length)
            text += unit.name
            rest %= length
        }
        return text
    }

    /// Its two leading units, rounded down, for people: `10m3s`, `3d4h`, `500ms`.
    ///
    /// Milliseconds only below a second: nobody wants to read that a job was stuck for `10m217ms`.
    package var roughText: String {
        let milliseconds = milliseconds
        let magnitude = milliseconds.magnitude
        guard magnitude >= 1_000 else { return Self.text(of: milliseconds) }
        let unit: UInt64 = magnitude >= 86_400_000 ? 3_600_000 : magnitude >= 3_600_000 ? 60_000 : 1_000
        let rounded = Int64(clamping: magnitude / unit * unit)
        return Self.text(of: milliseconds < 0 ? -rounded : rounded)
    }
}
