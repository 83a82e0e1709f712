import TestNeeds
import TestSupport
import Testing

@testable import Policies

@Suite("Patterns for what a gap may hold", .tags(.pure))
struct GapPatternTests {
    private func held(_ text: String) -> String { HeldBytes.text(Array(text.utf8)) }

    @Test(
        "a pattern fits the whole of an id",
        arguments: [
            ("[0-9]+", ["7", "0123"], ["", "7a", "a7", "7:log"]),
            ("\\d{2,3}", ["12", "123"], ["1", "1234"]),
            ("user-\\w*|meta", ["user-", "user-a_1", "meta"], ["metal", "user", "user-a-b"]),
            ("[^:]+", ["a.b", "é"], ["a:b", ""]),
            ("(a|bc)?x{2}", ["xx", "axx", "bcxx"], ["x", "bxx", "xxx"]),
            ("^[a-f0-9-]{8}$", ["dead-bee"], ["deadbeefs", "deadbeeg"]),
            ("a\\.b", ["a.b"], ["axb"]), ("é+", ["é", "éé"], ["e", "\u{E9}x"]), ("a.*z", ["az", "a:z"], ["a", "za"]),
            ("(a*)*b", ["b", "aaab"], ["aaaa"]), ("[]a]", ["]", "a"], ["b"]), ("[a\\]-]+", ["a]-"], ["b"]),
            ("a{2,}", ["aa", "aaaaa"], ["a"]), ("", [], []),
        ] as [(String, [String], [String])])
    func fits(text: String, fitting: [String], others: [String]) throws {
        guard !text.isEmpty else {
            #expect(throws: TemplateError.self) { try GapPattern(text) }
            return
        }
        let pattern = try GapPattern(held(text))
        for id in fitting { #expect(pattern.matches(held(id)), "\(id)") }
        for id in others { #expect(!pattern.matches(held(id)), "\(id)") }
    }

    @Test(
        "what is no pattern says where",
        arguments: [
            ("*a", "nothing before “*” to repeat (column 1)"), ("(a", "“(” is never closed (column 2)"),
            ("a)", "“)” stands alone (column 2)"), ("[a", "“[” is never closed (column 2)"),
            ("\\q", "“\\q” is not known (column 2)"), ("a{3,1}", "more at least than at most (column 6)"),
            ("(a{999}){999}", "repeats too much: expected 2000 steps at most (column 1)"),
            ("(?=a)", "“(?” is not known, but for “(?:” (column 3)"),
        ])
    func wrong(text: String, message: String) {
        let error = #expect(throws: TemplateError.self) { try GapPattern(text) }
        #expect(error?.description == message)
    }

    @Test("no id makes a pattern slow: a thousand ways through it are followed at once")
    func linear() throws {
        let pattern = try GapPattern("(a|a)*(a|a)*(a|a)*b")
        #expect(!pattern.matches(String(repeating: "a", count: 20_000)))
    }

    @Test("without a pattern a gap holds anything but the character that ends it")
    func separator() throws {
        let inside = try KeyTemplate("job:<id>:state")
        #expect(GapRule().allows("7", in: inside) && !GapRule().allows("7:log", in: inside))
        #expect(GapRule().allows("7:log", in: try KeyTemplate("job:<id>")))
        #expect(GapRule(only: [try GapPattern(".*")]).allows("7:log", in: inside))
        #expect(!GapRule(except: [try GapPattern("meta")]).allows("meta", in: inside))
    }
}
