import TestNeeds
import TestSupport
import Testing

@testable import Policies

/// What the value of a field may make of a key.
@Suite("Key templates: the values of fields", .tags(.pure))
struct KeyTemplateValuesTests {
    private func key(_ template: String, _ value: String, _ values: KeyTemplate.Values = .plain) -> String? {
        do {
            return try KeyTemplate(template, values: values).expand(id: "a:{7}") { _ in value }
        } catch {
            return nil
        }
    }

    @Test(
        "a field fills its gap: it holds no brace, and not the character that ends the gap",
        arguments: [
            ("user:<u>:tokens", "42", "user:42:tokens"), ("user:<u>:tokens", "42:daily", nil),
            ("user:{<u>}:tokens", "42:daily", "user:{42:daily}:tokens"), ("user:{<u>}:tokens", "42}:x{", nil),
            ("queue:<q>", "mail:high", "queue:mail:high"), ("queue:<q>", "{curfew", nil), ("queue:<q>", "x}", nil),
            ("<q>/log", "a:b", "a:b/log"), ("<q>/log", "a/b", nil), ("job:<id>:<q>", "x", "job:a:{7}:x"),
            ("a:<q><r>:b", "x", "a:xx:b"), ("a:<q><r>:b", "x:y", nil), ("user:<u>ü", "ä", "user:äü"),
            ("user:<u>ü", "aüb", nil),
        ])
    func plain(template: String, value: String, expected: String?) {
        #expect(key(template, value) == expected)
        #expect(key(template, value, .any) != nil)
    }

    @Test("with “any” a value may be anything but nothing")
    func any() {
        #expect(key("user:<u>:tokens", "42:daily", .any) == "user:42:daily:tokens")
        #expect(key("user:<u>:tokens", "", .any) == nil)
    }

    @Test("the error quotes the value, what is wrong with it, and the template")
    func message() throws {
        let template = try KeyTemplate("user:<userId>:tokens")
        let error = RecordError(
            "userId is “42:daily”: expected no “:” in what “user:<userId>:tokens” takes, or allow: any")
        #expect(throws: error) { try template.expand(id: "1") { _ in "42:daily" } }
    }

    @Test(
        "a key fits a template where some record with that id can have made it",
        arguments: [
            ("item:<id>:log", "item:7:log", true), ("item:<id>:log", "item:8:log", false),
            ("user:<u>:tokens", "user:a:tokens", true), ("user:<u>:tokens", "user::tokens", false),
            ("user:<u>:tokens", "user:a:b:tokens", false), ("user:<u>:tokens", "user:a:tokens:x", false),
            ("log:<l>", "log:a:b", true), ("log:<l>", "log:", false), ("log:<l>", "user:root", false),
            ("log:<l>", "log:{x}", false), ("<l>:<id>:<m>", "a:7:b", true), ("<l>:<id>:<m>", "a:b:7:c", false),
            ("<l><m>-x", "ab-x", true), ("<l><m>-x", "a-x", false), ("aa<id>", "aa7", true), ("aa<id>", "a7", false),
        ])
    func fits(template: String, key: String, fits: Bool) throws {
        #expect(try KeyTemplate(template).fits(key, id: "7") == fits)
    }

    @Test(
        "where values may be anything, they may hold what ends their gap",
        arguments: [
            ("user:<u>:tokens", "user:a:b:tokens", true), ("user:<u>:tokens", "user:tokens", false),
            ("<a>:<id>:<b>", "x:7:7:y", true), ("<a>:x", ":x", false), ("<a>:x", ":x:x", true),
        ])
    func fitsAny(template: String, key: String, fits: Bool) throws {
        #expect(try KeyTemplate(template, values: .any).fits(key, id: "7") == fits)
    }

    @Test("a long key that nearly fits is refused as soon as a short one")
    func long() throws {
        let template = try KeyTemplate("<a>x<b>x<c>x<d>y", values: .any)
        #expect(!template.fits(String(repeating: "x", count: 200_000), id: "7"))
    }

    @Test("every key that a template makes fits it")
    func made() throws {
        for text in ["user:{<u>}:<v>", "<u>:<v>", "a<u><v>;", "<id>:<u>", "x:<u>"] {
            for values in KeyTemplate.Values.allCases {
                let template = try KeyTemplate(text, values: values)
                for value in ["1", "ab", "é\u{301}", "\u{10FF80}", "a-b.c", " "] {
                    let key = try template.expand(id: "i:{}") { _ in value }
                    #expect(template.fits(key, id: "i:{}"), "\(text) \(key)")
                }
            }
        }
    }

    @Test("arithmetic that stops at the end of the range", arguments: [Int64.min, -3, 0, 3, .max])
    func bounded(number: Int64) {
        for other in [Int64.min, -7, -1, 0, 1, 7, .max] {
            func wide(_ result: (Int64, Int64) -> (partialValue: Int64, overflow: Bool), _ end: Int64) -> Int64 {
                let (value, overflow) = result(number, other)
                return overflow ? end : value
            }
            #expect(number.bounded(plus: other) == wide({ $0.addingReportingOverflow($1) }, other < 0 ? .min : .max))
            #expect(
                number.bounded(minus: other) == wide({ $0.subtractingReportingOverflow($1) }, other < 0 ? .max : .min))
            let end: Int64 = (number < 0) == (other < 0) ? .max : .min
            #expect(number.bounded(times: other) == wide({ $0.multipliedReportingOverflow(by: $1) }, end))
        }
        #expect(Int(bounded: .nan) == 0 && Int(bounded: 1e300) == .max && Int(bounded: -.infinity) == .min)
        #expect(Int(bounded: 7.9) == 7 && Int(bounded: -7.9) == -7 && Int(bounded: 0x1p63) == .max)
    }
}
