import Policies
import TestNeeds
import TestSupport
import Testing

@Suite("Key templates", .tags(.pure))
struct KeyTemplateTests {
    @Test("a placeholder takes the id or a field; braces are literal")
    func expands() throws {
        let template = try KeyTemplate("user:{<userId>}:<id>:<kind>:<userId>")
        #expect(template.fields == ["userId", "kind"])
        #expect(template.usesID)
        #expect("\(template)" == "user:{<userId>}:<id>:<kind>:<userId>")
        let values = ["userId": "7", "kind": "4K", "id": "not this one"]
        #expect(try template.expand(id: "42") { values[$0] } == "user:{7}:42:4K:7")
    }

    @Test("a template without placeholders is a key")
    func literal() throws {
        let template = try KeyTemplate("jobs:queued")
        #expect(!template.usesID)
        #expect(template.fields.isEmpty)
        #expect(try template.expand(id: "42") { _ in nil } == "jobs:queued")
        #expect(template.id(of: "jobs:queued") == nil)
        #expect(template.scanPattern == "jobs:queued")
    }

    @Test("a field that is missing or empty is an error that names it", arguments: [nil, ""])
    func missing(value: String?) throws {
        let template = try KeyTemplate("worker:<workerId>:alive")
        #expect(throws: RecordError("workerId is missing: “worker:<workerId>:alive” needs it")) {
            try template.expand(id: "42") { _ in value }
        }
    }

    @Test("a record's own fields fill it, and a plain string is its value")
    func record() throws {
        let template = try KeyTemplate("worker:<value>:<id>")
        let hash = Record(id: "1", key: "k", content: .hash(Fields(names: ["value"], values: ["h"])))
        #expect(try template.expand(for: hash) == "worker:h:1")
        #expect(try template.expand(for: Record(id: "1", key: "k", content: .text("t"))) == "worker:t:1")
        #expect(throws: RecordError.self) { try template.expand(for: Record(id: "1", key: "k", content: .missing)) }
    }

    @Test(
        "a mistake is named with its column",
        arguments: [
            ("", "a key can't be empty (column 1)"), ("job:<id", "“<” is never closed (column 5)"),
            ("job:<>", "“<>” names no field (column 5)"), ("job:id>", "“>” without a “<” before it (column 7)"),
            ("job:<a<b>", "“<” inside a placeholder (column 7)"), ("é:<", "“<” is never closed (column 3)"),
        ])
    func mistakes(text: String, message: String) throws {
        let error = try #require(throws: TemplateError.self) { try KeyTemplate(text) }
        #expect("\(error)" == message)
    }

    @Test(
        "the id is found again in the key",
        arguments: [
            ("job:<id>", "job:42", "42"), ("job:<id>", "job:a:b", "a:b"), ("job:<id>", "job:", nil),
            ("job:<id>", "jobs:42", nil), ("job:<id>", "job", nil), ("<id>", "42", "42"), ("<id>", "", nil),
            ("lock:<id>:held", "lock:42:held", "42"), ("lock:<id>:held", "lock::held", nil),
            ("lock:<id>:held", "lock:held", nil), ("lock:<id>:held", "lock:42:hold", nil), ("a<id>a", "aa", nil),
            ("a<id>a", "a", nil), ("{<id>}:<id>", "{42}:42", "42"), ("{<id>}:<id>", "{42}:43", nil),
            ("{<id>}:<id>", "{42}:4", nil), ("job:<id>", "job:é", "é"), ("<userId>:<id>", "7:42", nil),
        ] as [(String, String, String?)])
    func inverse(template: String, key: String, id: String?) throws {
        #expect(try KeyTemplate(template).id(of: key) == id)
    }

    @Test(
        "a scan pattern has a star for each placeholder, and what is special is escaped",
        arguments: [
            ("job:<id>", "job:*"), ("user:{<userId>}:<id>", "user:{*}:*"),
            ("a*b?c[d]e\\f<id>", "a\\*b\\?c\\[d\\]e\\\\f*"),
        ])
    func pattern(template: String, pattern: String) throws {
        #expect(try KeyTemplate(template).scanPattern == pattern)
    }

    @Test("expanding and finding the id are inverse", arguments: seeds)
    func roundTrip(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let alphabet = Array("ab:{}é*-\u{1F600}")
        func word(_ length: ClosedRange<Int>) -> String {
            String((0..<Int.random(in: length, using: &generator)).map { _ in generator.pick(alphabet) })
        }
        for _ in 0..<500 {
            let template = try KeyTemplate(word(0...4) + "<id>" + word(0...4))
            let id = word(1...5)
            let key = try template.expand(id: id) { _ in nil }
            #expect(template.id(of: key) == id, "\(template) \(key), seed \(seed)")
        }
    }
}
