internal import Policies
internal import RedisClient

/// The colours that a cleanup may have: a few names, or any as `#rrggbb`.
package enum LabelColor {
    /// The names.
    package static let names = ["gray", "red", "orange", "yellow", "green", "teal", "blue", "purple", "pink", "brown"]

    /// What is expected of a value.
    static let expected = "a colour like \"#1a56b0\" (in quotes), or one of \(names.joined(separator: ", "))"

    /// The colour of a text, in lower case and with six digits; nil if it is none.
    static func read(_ text: String) -> String? {
        let text = text.lowercased()
        if names.contains(text) { return text }
        guard text.wholeMatch(of: /#([0-9a-f]{3}|[0-9a-f]{6})/) != nil else { return nil }
        return text.utf8.count == 7 ? text : "#" + text.dropFirst().map { "\($0)\($0)" }.joined()
    }
}

extension Section {
    /// A short text for people, on one line.
    func label(_ key: String) -> String? {
        let most = 80
        return value(key, expected: "a text of 1 to \(most) characters, on one line") { text in
            let scalars = text.readable.unicodeScalars
            let isPlain = !scalars.contains { $0.properties.generalCategory == .control }
            return (1...most).contains(scalars.count) && isPlain ? text : nil
        }
    }
}
