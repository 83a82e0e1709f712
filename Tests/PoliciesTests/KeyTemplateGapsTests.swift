import TestNeeds
import Testing

@testable import Policies

@Suite("templates with several gaps", .tags(.pure))
struct KeyTemplateGapsTests {
    private func gaps(_ template: String, _ key: String, _ rules: [String: GapRule] = [:]) throws -> [String: String]? {
        try KeyTemplate(template).gaps(of: key, rules: rules)
    }

    @Test(
        "a key is taken apart: each gap holds what is up to the character that follows it",
        arguments: [
            ("bull:<queue>:<id>", "bull:mail:7", ["queue": "mail", "id": "7"]),
            ("bull:<queue>:<id>", "bull:mail:7:lock", ["queue": "mail", "id": "7:lock"]),
            ("bull:<queue>:<id>:lock", "bull:mail:7:lock", ["queue": "mail", "id": "7"]),
            ("bull:<queue>:<id>:lock", "bull:mail:7", nil),
            ("bull:<queue>:<id>:lock", "bull:mail:7:x:lock", nil),
            ("<id>:<execution>", "job-1:2ff8", ["id": "job-1", "execution": "2ff8"]),
            ("<id>:<execution>", "job-1", nil),
            ("acks.<worker>.<queue>", "acks.8d6.default.DQ", ["worker": "8d6", "queue": "default.DQ"]),
            ("a:{<queue>}:lease", "a:{q:1}:lease", ["queue": "q:1"]),
            ("<id>", "any\u{10FFFF}:thing", ["id": "any\u{10FFFF}:thing"]),
            ("j:<id>:<id>", "j:7:7", ["id": "7"]), ("j:<id>:<id>", "j:7:8", nil),
            ("j:<a><b>", "j:xy", ["a": "x", "b": "y"]),
            ("job:<id>", "job:", nil), ("job:<id>", "jo", nil), ("job:<id>", "", nil),
        ] as [(String, String, [String: String]?)])
    func apart(_ template: String, _ key: String, _ expected: [String: String]?) throws {
        #expect(try gaps(template, key) == expected)
    }

    @Test("patterns say what else a gap may hold, and what not; a gap that another key names may hold anything")
    func rules() throws {
        let word = GapRule(only: [try GapPattern("[a-z]+")])
        #expect(try gaps("q:<queue>:<id>", "q:mail:7", ["queue": word]) != nil)
        #expect(try gaps("q:<queue>:<id>", "q:Mail:7", ["queue": word]) == nil)
        let noLogs = GapRule(except: [try GapPattern(".*:log")])
        #expect(try gaps("q:<queue>:<id>", "q:mail:7:log", ["id": noLogs]) == nil)
        let found = try gaps("<process>:workers", "host:17:ab:workers", ["process": .any])
        #expect(found == ["process": "host:17:ab"])
        #expect(try gaps("<process>:workers", "host:17:ab:workers") == nil)
    }

    @Test("a key that could be read in very many ways doesn't fit, and takes no time")
    func bounded() throws {
        let any = GapRule.any
        let rules = ["a": any, "b": any, "c": any, "d": any, "e": any]
        let key = String(repeating: ":", count: 4_000) + "x"
        #expect(try gaps("<a>:<b>:<c>:<d>:<e>:y", key, rules) == nil)
        #expect(try gaps("job:<id>", "job:" + String(repeating: "x", count: 5_000)) == nil)
    }
}

@Suite("JSON: paths through lists and texts", .tags(.pure))
struct JSONRecordPathTests {
    private let message = try? JSONRecord(
        #"[{"headers":{"id":"j1","eta":null},"n":[10,20]},"",{"payload":"{\"jid\":\"x\",\"deep\":\"[1,{\\\"y\\\":2}]\"}"}]"#,
        takesList: true)

    @Test(
        "a path leads through objects, lists, and texts that hold JSON",
        arguments: [
            ("0.headers.id", "j1"), ("0.headers.eta", nil), ("0.n.1", "20"), ("1", ""), ("2.payload.jid", "x"),
            ("2.payload.deep.1.y", "2"), ("3", nil), ("0.n.2", nil),
        ] as [(String, String?)])
    func found(_ path: String, _ expected: String?) throws {
        #expect(try #require(message)[path] == expected)
    }

    @Test("what holds no JSON, or another thing than the path says, is an error that names the path")
    func errors() throws {
        let record = try JSONRecord(#"{"text":"plain","broken":"{oops","list":[1]}"#)
        for (path, why) in [
            ("text.x", "text is a text"), ("broken.x", "broken, for broken.x"), ("list.x", "looked for in a list"),
        ] {
            let error = #expect(throws: RecordError.self) { _ = try record[path] }
            #expect(error?.message.contains(why) == true, "\(error?.message ?? "")")
        }
        #expect(throws: RecordError.self) { _ = try JSONRecord("[1]") }
    }

    @Test("what is in a list or in a text is never written")
    func unwritable() throws {
        let record = #"{"list":[{"a":1}],"text":"{\"a\":1}"}"#
        for path in ["list.0.a", "text.a"] {
            let write = FieldWrite(field: path, value: "2")
            #expect(throws: RecordError.self) { _ = try JSONRecord.setting([write], in: record) }
            #expect(throws: RecordError.self) { _ = try JSONRecord.setting(path, toJSON: "2", in: record) }
        }
    }

    @Test("a path into a field of a hash that holds JSON is read, guarded by the whole field, and never written")
    func ofHash() throws {
        let fields = Fields(names: ["data.cost", "name"], values: [nil, "n"])
        let record = Record(id: "7", key: "job:7", content: .hash(fields))
        let found = try record.lookingInto(["data.cost"], loose: []) { ["data": #"{"cost":5}"#][$0] }
        #expect(found["data.cost"] == "5" && found["name"] == "n")
        let change = Change(
            action: .fail, from: "", to: "", reason: "", age: .zero, timeout: .zero,
            guards: [.field("data.cost", equals: "5")], effects: [])
        guard case .change(let bound) = try Verdict.change(change).bound(to: found) else { return }
        #expect(bound.guards == [.field("data", equals: #"{"cost":5}"#)])
        #expect(throws: RecordError.self) {
            _ = try record.lookingInto(["data.cost"], loose: []) { _ in "no JSON" }
        }
    }
}
