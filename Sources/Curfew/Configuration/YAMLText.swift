internal import Foundation
internal import RedisClient

/// Values as they are written in `curfew.yaml`, so that they are read back as they are.
enum YAMLText {
    /// What would be read as something else than a text.
    private static let words: Set = ["true", "false", "null", "yes", "no", "on", "off", "y", "n", "~"]

    /// A text: plain where that is safe, otherwise in quotes; a `$` is doubled, as it begins a variable.
    static func scalar(_ text: String) -> String {
        let text = text.readable
        let isPlain =
            text.first.map { $0.isASCII && ($0.isLetter || $0 == "_") } ?? false
            && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "_.-/<>:".contains($0)) }
            && !text.hasSuffix(":") && !words.contains(text.lowercased())
        return isPlain ? text : quoted(text.replacing("$", with: "$$"))
    }

    /// A text in quotes, variables in it kept.
    static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": quoted += "\\\(scalar)"
            case "\n": quoted += "\\n"
            case "\t": quoted += "\\t"
            case _ where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value):
                quoted += "\\x" + UInt8(scalar.value).hexadecimal
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }

    /// A list on one line.
    static func list(_ texts: [String]) -> String { "[" + texts.map(scalar).joined(separator: ", ") + "]" }

    /// A text from the keyspace in a comment: on one line, shortened, and without what controls a terminal.
    static func comment(_ text: String, atMost most: Int = 40) -> String {
        var shown = ""
        var count = 0
        for character in text.readable {
            guard count < most else { return shown + "…" }
            let isPlain = character.unicodeScalars.allSatisfy {
                ![.control, .lineSeparator, .paragraphSeparator].contains($0.properties.generalCategory)
                    && !$0.properties.isBidiControl
            }
            shown += isPlain ? String(character) : "�"
            count += 1
        }
        return shown
    }

    /// A number with commas: `21,700`.
    static func grouped(_ number: Int) -> String {
        var text = String(number.magnitude)
        var place = text.count - 3
        while place > 0 {
            text.insert(",", at: text.index(text.startIndex, offsetBy: place))
            place -= 3
        }
        return (number < 0 ? "-" : "") + text
    }

    /// A share of a whole: `97 %`.
    static func share(_ part: Int, of whole: Int) -> String {
        guard whole > 0 else { return "0 %" }
        let percent = part * 100 / whole
        return percent == 0 && part > 0 ? "under 1 %" : "\(percent) %"
    }
}
