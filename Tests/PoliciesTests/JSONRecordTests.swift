import TestNeeds
import TestSupport
import Testing

@testable import Policies

@Suite("JSON records: reading", .tags(.pure))
struct JSONRecordTests {
    /// A path and what is found there.
    struct Reading: Sendable, CustomTestStringConvertible {
        let json: String
        let path: String
        let value: String?
        var testDescription: String { "\(path) of \(json)" }

        init(_ json: String, _ path: String, _ value: String?) {
            self.json = json
            self.path = path
            self.value = value
        }
    }

    static let readings = [
        Reading(#"{"status": "PROCESSING"}"#, "status", "PROCESSING"),
        Reading(#"{"status": ""}"#, "status", ""),
        Reading(#"{"meta": {"status": "a"}}"#, "meta.status", "a"),
        Reading(#"{"a":{"b":{"c":{"d":1}}}}"#, "a.b.c.d", "1"),
        Reading("{}", "status", nil),
        Reading(" \t\r\n{ } \n", "a.b.c", nil),
        Reading(#"{"meta": {}}"#, "meta.status", nil),
        Reading(#"{"meta": null}"#, "meta.status", nil),
        Reading(#"{"status": null}"#, "status", nil),
        Reading(#"{"other": 1}"#, "meta.status", nil),
        // Numbers are as written.
        Reading(#"{"n": 1690000000000}"#, "n", "1690000000000"),
        Reading(#"{"n": 1.50e+3}"#, "n", "1.50e+3"),
        Reading(#"{"n": -0}"#, "n", "-0"),
        Reading(#"{"n": 123456789012345678901234567890.10}"#, "n", "123456789012345678901234567890.10"),
        Reading(#"{"n": true, "m": false}"#, "n", "true"),
        Reading(#"{"n": true, "m": false}"#, "m", "false"),
        // A literal name comes before a path; below the top there are only paths.
        Reading(#"{"a": {"b": 1}, "a.b": 2}"#, "a.b", "2"),
        Reading(#"{"a.b": null, "a": {"b": 1}}"#, "a.b", nil),
        Reading(#"{"x": {"a.b": 2}}"#, "x.a.b", nil),
        Reading(#"{"": {"": 1}}"#, ".", "1"),
        Reading(#"{"": 1}"#, "", "1"),
        // Lists.
        Reading(#"{"items": [{"id": "x"}, {"id": "y"}]}"#, "items.1.id", "y"),
        Reading(#"{"items": [1, [2, 3]]}"#, "items.1.0", "2"),
        Reading(#"{"items": []}"#, "items.0.id", nil),
        Reading(#"{"items": [null]}"#, "items.0", nil),
        Reading(#"{"0": "name"}"#, "0", "name"),
        // Escapes, in names as well as in values.
        Reading(#"{"s": "a\"b\\c\/d\b\f\n\r\t"}"#, "s", "a\"b\\c/d\u{8}\u{C}\n\r\t"),
        Reading(#"{"s": "\u00e9\u0000\uD83D\uDE00!"}"#, "s", "\u{E9}\u{0}😀!"),
        Reading(#"{"s": "é😀"}"#, "s", "é😀"),
        Reading(#"{"\u0073tatus": "x"}"#, "status", "x"),
        // Another name for everybody but a reader of letters.
        Reading("{\"e\u{301}\": 1}", "\u{E9}", nil),
        Reading("{\"e\u{301}\": 1, \"\u{E9}\": 2}", "\u{E9}", "2"),
        // A name that is twice elsewhere is nobody's business.
        Reading(#"{"a": 1, "b": {"x": 1, "x": 2}, "c": 1, "c": 1}"#, "a", "1"),
    ]

    @Test("a path leads to a field, as text", arguments: readings)
    func reads(reading: Reading) throws {
        let value = try JSONRecord(reading.json)[reading.path.held]
        #expect(value == reading.value?.held)
    }

    @Test(
        "a path that meets something else is the record's error",
        arguments: [
            (#"{"meta": "x"}"#, "meta.status", "meta is a text: expected an object, for meta.status"),
            (#"{"a": {"b": 3}}"#, "a.b.c", "a.b is a number: expected an object, for a.b.c"),
            (#"{"a": true}"#, "a.b", "a is true or false: expected an object, for a.b"),
            (#"{"status": {}}"#, "status", "status is an object: expected a text, a number or a flag"),
            (#"{"status": []}"#, "status", "status is a list: expected a text, a number or a flag"),
            (#"{"a": [1]}"#, "a.first", "“first” of a.first is looked for in a list: expected a number, from 0"),
            (#"{"a": [1]}"#, "a.-1", "“-1” of a.-1 is looked for in a list: expected a number, from 0"),
            (#"{"a": [1]}"#, "a.00", "“00” of a.00 is looked for in a list: expected a number, from 0"),
            (#"{"a": 1, "a": 2}"#, "a", "“a” is there a second time at byte 9: expected each name once"),
            (
                #"{"m": {"a": 1, "\u0061": 2}}"#, "m.a",
                "“a” is there a second time at byte 15: expected each name once"
            ),
            (#"{"a": 1, "a": {"b": 2}}"#, "a.b", "“a” is there a second time at byte 9: expected each name once"),
        ])
    func strays(json: String, path: String, message: String) throws {
        let record = try JSONRecord(json)
        #expect(throws: RecordError(message)) { try record[path] }
    }

    static let malformed: [(String, Int, String)] = [
        ("", 0, "expected a value"), (" ", 1, "expected a value"), ("{", 1, "expected a name in quotes"),
        ("{a: 1}", 1, "expected a name in quotes"), ("{'a': 1}", 1, "expected a name in quotes"),
        (#"{"a" 1}"#, 5, "expected “:” after the name"), (#"{"a": }"#, 6, "expected a value"),
        (#"{"a": 1"#, 7, "expected “,” or “}”"), (#"{"a": 1 "b": 2}"#, 8, "expected “,” or “}”"),
        (#"{"a": 1,}"#, 8, "expected a name in quotes"), (#"{"a": [1,]}"#, 9, "expected a value"),
        (#"{"a": [1}"#, 8, "expected “,” or “]”"), (#"{"a": 1}}"#, 8, "expected the end"),
        (#"{"a": 1} {}"#, 9, "expected the end"), ("{}\u{0}", 2, "expected the end"),
        ("\u{FEFF}{}", 0, "expected a value"), ("\u{A0}{}", 0, "expected a value"),
        (#"{"a": 01}"#, 7, "expected “,” or “}”"), (#"{"a": +1}"#, 6, "expected a value"),
        (#"{"a": .5}"#, 6, "expected a value"), (#"{"a": 5.}"#, 8, "expected a digit"),
        (#"{"a": -}"#, 7, "expected a digit"), (#"{"a": 1e}"#, 8, "expected a digit"),
        (#"{"a": 1e+}"#, 9, "expected a digit"), (#"{"a": NaN}"#, 6, "expected a value"),
        (#"{"a": True}"#, 6, "expected a value"), (#"{"a": tru}"#, 6, "expected a value"),
        (#"{"a": nul"#, 6, "expected a value"), (#"{"a": truely}"#, 10, "expected “,” or “}”"),
        (#"{"a": "b}"#, 9, "expected a closing quote"), (#"{"a": "b\"#, 9, "expected a closing quote"),
        ("{\"a\": \"b\nc\"}", 8, "expected control characters to be escaped"),
        ("{\"a\": \"\u{1F}\"}", 7, "expected control characters to be escaped"),
        (#"{"a": "\x"}"#, 7, "expected an escape that JSON knows"),
        (#"{"a": "\u12G4"}"#, 11, "expected four hexadecimal digits"),
        ("{} // done", 3, "expected the end"), ("{/**/}", 1, "expected a name in quotes"),
    ]

    @Test("what isn't JSON is refused, with the byte at fault", arguments: malformed)
    func refuses(json: String, place: Int, expectation: String) {
        #expect(throws: RecordError("no valid JSON at byte \(place): \(expectation)")) { try JSONRecord(json) }
    }

    @Test(
        "half of a surrogate pair is an error where it is read, and nowhere else",
        arguments: [#"\uD83D"#, #"\uDE00"#, #"\uD83Dx"#, #"\uD83D\n"#, #"\uD83D\uD83D"#])
    func halves(text: String) throws {
        let record = try JSONRecord(#"{"a": "\#(text)", "b": "c", "\#(text)": 1}"#)
        #expect(try record["b"] == "c")
        #expect(throws: RecordError("no valid JSON at byte 7: expected both halves of a surrogate pair")) {
            try record["a"]
        }
    }

    @Test("JSON that is no object is no record", arguments: ["[]", "1", "\"x\"", "true", "null"])
    func noObject(json: String) {
        #expect(throws: RecordError.self) { try JSONRecord(json) }
    }

    @Test("64 levels are read, and one more is refused, as are a hundred thousand")
    func depth() throws {
        func nested(_ levels: Int) -> String {
            #"{"a":"# + String(repeating: "[", count: levels - 1) + String(repeating: "]", count: levels - 1) + "}"
        }
        _ = try JSONRecord(nested(64))
        for levels in [65, 100_000] {
            #expect(throws: RecordError("no valid JSON at byte 68: expected at most 64 levels")) {
                try JSONRecord(nested(levels))
            }
        }
    }

    @Test("a record of more than a mebibyte is refused")
    func size() throws {
        func sized(_ bytes: Int) -> String { #"{"a":""# + String(repeating: "x", count: bytes - 8) + "\"}" }
        #expect(try JSONRecord(sized(1 << 20))["a"]?.count == (1 << 20) - 8)
        #expect(throws: RecordError("the JSON has 1048577 bytes: expected at most 1048576")) {
            try JSONRecord(sized((1 << 20) + 1))
        }
    }
}
