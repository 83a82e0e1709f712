import TestNeeds
import Testing

@testable import Curfew

@Suite("JSON texts", .tags(.pure))
struct JSONTextTests {
    @Test("what must be escaped is, wherever it stands and however long the text is")
    func escapes() {
        let escaped: [(String, String)] = [
            ("\"", "\\\""), ("\\", "\\\\"), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t"), ("\u{0}", "\\u0000"),
            ("\u{1f}", "\\u001f"),
        ]
        for length in 0..<20 {
            for place in 0...length {
                let before = String(repeating: "a", count: place)
                let after = String(repeating: "z", count: length - place)
                for (character, text) in escaped {
                    #expect(JSONText.string(before + character + after) == "\"\(before)\(text)\(after)\"")
                }
            }
        }
    }

    @Test("what need not be escaped is left as it is", arguments: 0..<20)
    func plain(length: Int) {
        for character in [" ", "!", "#", "[", "]", "\u{7f}", "\u{80}", "\u{a0}", "ß", "€", "😀", "\u{ffff}"] {
            let text = String(repeating: "a", count: length) + character + String(repeating: "z", count: 19 - length)
            #expect(JSONText.string(text) == "\"\(text)\"")
            #expect(JSONText.string(character) == "\"\(character)\"")
        }
    }
}
