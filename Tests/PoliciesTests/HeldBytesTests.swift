import TestNeeds
import TestSupport
import Testing

@testable import Policies

extension String {
    /// The text as it would be held if it came from outside; what is held already stays so.
    var held: String { HeldBytes.text(HeldBytes.bytes(of: self)) }
}

@Suite("text held by its bytes", .tags(.pure))
struct HeldBytesTests {
    @Test("JSON that is no UTF-8 is looked into and written by its bytes, and all else stays as it was")
    func json() throws {
        let bytes = Array(#"{"name": "caf"#.utf8) + [0xE9] + Array(#"", "status": "b", "e": "\u00e9"}"#.utf8)
        let text = HeldBytes.text(bytes)
        let record = try JSONRecord(text)
        #expect(try record["name"] == HeldBytes.text(Array("caf".utf8) + [0xE9]))
        #expect(try record["e"] == "é".held)
        let written = try JSONRecord.setting([FieldWrite(field: "status", value: "é".held)], in: text)
        let end = Array(#"", "status": "é", "e": "\u00e9"}"#.utf8)
        #expect(HeldBytes.bytes(of: written) == Array(#"{"name": "caf"#.utf8) + [0xE9] + end)
    }

    @Test("an escape for a genuine U+10FFE9 is its four bytes")
    func genuine() throws {
        let value = try JSONRecord(#"{"a": "\udbff\udfe9"}"#)["a"]
        #expect(value.map(HeldBytes.bytes(of:)) == [0xF4, 0x8F, 0xBF, 0xA9])
    }

    @Test("a name in another normal form is another name, in JSON and among fields")
    func names() throws {
        let record = try JSONRecord("{\"e\u{301}\": 1, \"\u{E9}\": 2}")
        #expect(try record["\u{E9}".held] == "2")
        #expect(try record["e\u{301}".held] == "1")
    }

    @Test("a long value is cut by its bytes, never within a character, and a line end counts as two")
    func shortened() {
        #expect("é".held.shortened(to: 2) == "é".held)
        #expect("aé".held.shortened(to: 2) == "a…")
        #expect("\r\n\r\n".shortened(to: 2) == "\r\n…")
        #expect(String(repeating: "\u{301}", count: 100).held.shortened(to: 80).unicodeScalars.count == 81)
    }

    @Test("final states are told without regard to case, whatever letters they have")
    func cases() {
        let scope = Scope(field: "status", states: ["neu"], final: ["ÉCHOUÉ".held])
        #expect(scope.isFinal("échoué".held))
        #expect(!scope.isFinal("e\u{301}chou\u{E9}".held))
    }

    @Test("a separator that a combining mark follows still separates")
    func combining() throws {
        let template = try KeyTemplate("job:<id>")
        #expect(template.id(of: "job:\u{301}a".held) == "\u{301}a".held)
        #expect(try KeyTemplate("j<id>\u{301}").scanPattern == "j*\u{301}")
    }
}
