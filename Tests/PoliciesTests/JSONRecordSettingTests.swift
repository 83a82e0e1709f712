import TestNeeds
import TestSupport
import Testing

@testable import Policies

@Suite("JSON records: writing", .tags(.pure))
struct JSONRecordSettingTests {
    /// A write, the text before and the text after.
    struct Writing: Sendable, CustomTestStringConvertible {
        let before: String
        let path: String
        let value: String?
        let after: String
        var testDescription: String { "\(path) = \(value ?? "nothing") in \(before)" }

        init(_ before: String, _ path: String, _ value: String?, _ after: String) {
            self.before = before
            self.path = path
            self.value = value
            self.after = after
        }
    }

    static let writings = [
        Writing(#"{"status":"A","n":1}"#, "status", "B", #"{"status":"B","n":1}"#),
        Writing(" {\n\"s\" : \"A\" ,\n \"n\": 1.0\n}\n", "s", "B", " {\n\"s\" : \"B\" ,\n \"n\": 1.0\n}\n"),
        Writing(#"{"meta": {"status": "A"}, "b": []}"#, "meta.status", "B", #"{"meta": {"status": "B"}, "b": []}"#),
        Writing(#"{"a.b": "1", "a": {"b": "1"}}"#, "a.b", "2", #"{"a.b": "2", "a": {"b": "1"}}"#),
        // What is there already stays as it is written.
        Writing(#"{"s": "\u0041\/"}"#, "s", "A/", #"{"s": "\u0041\/"}"#),
        // A field keeps its type where it can.
        Writing(#"{"n": 1}"#, "n", "2", #"{"n": 2}"#),
        Writing(#"{"n": 1}"#, "n", "1.5e3", #"{"n": 1.5e3}"#),
        Writing(#"{"n": 1}"#, "n", "01", #"{"n": "01"}"#),
        Writing(#"{"n": 1}"#, "n", "one", #"{"n": "one"}"#),
        Writing(#"{"n": "1"}"#, "n", "2", #"{"n": "2"}"#),
        Writing(#"{"n": true}"#, "n", "false", #"{"n": false}"#),
        Writing(#"{"n": true}"#, "n", "no", #"{"n": "no"}"#),
        Writing(#"{"s": "A"}"#, "s", "true", #"{"s": "true"}"#),
        // New fields.
        Writing("{}", "a", "x", #"{"a":"x"}"#),
        Writing("{ }", "a", "x", #"{"a":"x" }"#),
        Writing(#"{"b": 1 }"#, "a", "x", #"{"b": 1,"a":"x" }"#),
        Writing(#"{"b": 1}"#, "a.c.d", "x", #"{"b": 1,"a":{"c":{"d":"x"}}}"#),
        Writing(#"{"a": {}}"#, "a.c.d", "x", #"{"a": {"c":{"d":"x"}}}"#),
        Writing(#"{"a": null, "b": 1}"#, "a", "x", #"{"a": "x", "b": 1}"#),
        Writing(#"{"a": null, "b": 1}"#, "a.c", "x", #"{"a": {"c":"x"}, "b": 1}"#),
        Writing("{}", "attempts", "1", #"{"attempts":1}"#),
        Writing("{}", "error", "said \"no\"\\\n\r\t\u{1}é😀", #"{"error":"said \"no\"\\\n\r\t\u0001é😀"}"#),
        Writing("{}", "e\"", "x", #"{"e\"":"x"}"#),
        Writing("{}", "recoveries", "1690000000000", #"{"recoveries":1690000000000}"#),
        // Removal takes the comma along.
        Writing(#"{"a": 1, "b": 2 , "c": 3}"#, "a", nil, #"{"b": 2 , "c": 3}"#),
        Writing(#"{"a": 1, "b": 2 , "c": 3}"#, "b", nil, #"{"a": 1 , "c": 3}"#),
        Writing(#"{"a": 1, "b": 2 , "c": 3 }"#, "c", nil, #"{"a": 1, "b": 2 }"#),
        Writing(#"{ "a": 1 }"#, "a", nil, "{  }"),
        Writing(#"{"m": {"a": 1}}"#, "m.a", nil, #"{"m": {}}"#),
        Writing(#"{"a": null}"#, "a", nil, #"{"a": null}"#),
        Writing(#"{"a": 1}"#, "b", nil, #"{"a": 1}"#),
        Writing(#"{"a": 1}"#, "b.c", nil, #"{"a": 1}"#),
        // What somebody says is to be written takes the place of whatever was there.
        Writing(#"{"a": {"b": [1]}}"#, "a.b", "x", #"{"a": {"b": "x"}}"#),
        Writing(#"{"a": {"b": 1}, "c": 2}"#, "a", "x", #"{"a": "x", "c": 2}"#),
    ]

    @Test("one field is written and all else stays byte for byte", arguments: writings)
    func writes(writing: Writing) throws {
        let field = FieldWrite(field: writing.path, value: writing.value)
        let after = try JSONRecord.setting([field], in: writing.before)
        #expect(HeldBytes.bytes(of: after) == Array(writing.after.utf8), "\(after)")
        // Written once more it is the same.
        #expect(try JSONRecord.setting([field], in: after).held == after.held)
    }

    @Test("several fields are written one after the other, and see each other")
    func several() throws {
        let writes = [
            FieldWrite(field: "meta.status", value: "FAILED"), FieldWrite(field: "meta.error", value: "stuck"),
            FieldWrite(field: "old", value: nil),
        ]
        let after = try JSONRecord.setting(writes, in: #"{"old": 1, "id": "x"}"#)
        #expect(after == #"{"id": "x","meta":{"status":"FAILED","error":"stuck"}}"#)
    }

    @Test(
        "a new number is a text only where the record keeps numbers like it as texts",
        arguments: [
            // A time like the times, a count like the counts.
            (#"{"at": 1690000000}"#, "1690000300", "1690000300"),
            (#"{"at": 1690000000.5}"#, "1690000300.5", "1690000300.5"),
            (#"{"at": "1690000000"}"#, "1690000300", #""1690000300""#),
            (#"{"at": "1690000000", "cost": 10}"#, "1690000300", #""1690000300""#),
            (#"{"at": "1690000000", "cost": 10}"#, "1", "1"),
            (#"{"at": 1690000000, "cost": "10"}"#, "1", #""1""#),
            (#"{"at": "2023-07-22T04:26:40Z"}"#, "1", "1"),
            // A number says more than a text.
            (#"{"at": "1690000000", "beat": 1690000000000}"#, "1690000300", "1690000300"),
            (#"{"at": "2023-07-22T04:26:40Z"}"#, "2023-07-22T04:31:40Z", #""2023-07-22T04:31:40Z""#),
            (#"{"at": 1690000000}"#, "1e9", #""1e9""#), (#"{"at": 1690000000}"#, "007", #""007""#),
        ])
    func types(before: String, value: String, written: String) throws {
        let write = FieldWrite(field: "new", value: value)
        let after = try JSONRecord.setting([write], like: ["at", "cost", "beat"], in: before)
        #expect(after == before.dropLast() + #","new":\#(written)}"#)
    }

    @Test(
        "what has no place in the record is its error",
        arguments: [
            (#"{"a": "x"}"#, "a.b", "a is a text: expected an object, for a.b"),
            (
                #"{"a": [{"b": 1}]}"#, "a.0.b",
                "a.0.b is in a list: expected a path through objects, since it is to be written"
            ),
            (#"{"a": []}"#, "a.0", "a.0 is in a list: expected a path through objects, since it is to be written"),
            (#"{"a": 1, "a": 1}"#, "a", "“a” is there a second time at byte 9: expected each name once"),
            (#"{"a": 1"#, "a", "no valid JSON at byte 7: expected “,” or “}”"),
        ])
    func refuses(json: String, path: String, message: String) {
        #expect(throws: RecordError(message)) {
            try JSONRecord.setting([FieldWrite(field: path, value: "x")], in: json)
        }
    }

    @Test(
        "what was written can be put back byte for byte",
        arguments: [
            #"{"s":"A"}"#, #"{"s":"A", "e": null , "n":1}"#, #"{"e": "old\/é","s":3,"n":null}"#, #"{"s": null}"#, "{ }",
            #"{"s":"A","m":{ }}"#, #"{"m": null, "s": true}"#, #"{"m": {"deep": null}}"#, #"{"m": {"deep": {"x": 1}}}"#,
        ])
    func restores(text: String) throws {
        let names = ["s", "e", "n", "m.deep.er", "m.deep.est"]
        let record = try Record(id: "a", key: "a", document: JSONRecord(text), fields: names)
        let change = Change(
            action: .fail, from: "A", to: "B", reason: "", age: .zero, timeout: .zero, guards: [.recordMissing],
            sets: zip(names, ["B", "stuck", "2", "x", "y"]).map { FieldWrite(field: $0, value: $1) },
            before: record.image(names))
        guard case .change(let bound) = try Verdict.change(change).bound(to: record) else { return }
        let write = try #require(bound.write)
        let after = try #require(write.document)
        let restored = try JSONRecord.restoring(write.before, originals: write.originals, in: after)
        #expect(restored.held == text.held, "\(after), \(write.originals)")
        // What the app has added since stays, also in an object that was made.
        let added = try JSONRecord.setting([FieldWrite(field: "m.app", value: "x")], in: after)
        let kept = try JSONRecord(JSONRecord.restoring(write.before, originals: write.originals, in: added))
        #expect(try kept["m.app"] == "x" && kept["s"] == record["s"])
    }
}
