import TestSupport
import Testing

@testable import CurfewCLI

@Suite("the documentation's commands")
struct DocumentationCommandTests {
    /// Commands that the pages name as missing.
    private static let missing = ["curfew undo"]

    /// The words of a line as a shell would take them, without a comment at its end.
    private static func words(_ line: String) -> [String] {
        var words: [String] = []
        var word: String?
        var quote: Character?
        for character in line {
            switch (character, quote) {
            case (let end, let open?) where end == open: quote = nil
            case ("\"", nil), ("'", nil):
                quote = character
                word = word ?? ""
            case ("#", nil) where word == nil: return words
            case (" ", nil):
                if let done = word { words.append(done) }
                word = nil
            default: word = (word ?? "") + String(character)
            }
        }
        return words + (word.map { [$0] } ?? [])
    }

    private static func parse(_ line: String) throws {
        _ = try CurfewCommand.parseAsRoot(Array(words(line).dropFirst()))
    }

    @Test("every command in the documentation is one", arguments: try DocumentationPage.all())
    func commands(_ page: DocumentationPage) throws {
        let lines = page.calls(of: "curfew") + page.spans.filter { $0.hasPrefix("curfew ") }
        for line in lines where !Self.missing.contains(line) {
            #expect(throws: Never.self, "\(page.path): \(line)") { try Self.parse(line) }
        }
    }

    @Test("what the documentation calls missing is missing", arguments: missing)
    func missing(_ line: String) {
        #expect(throws: (any Error).self) { try Self.parse(line) }
    }

    @Test("a day with Curfew is shown in commands")
    func isShown() throws {
        let operating = try DocumentationPage(path: "\(DocumentationPage.catalogue)/Operating.md")
        #expect(operating.calls(of: "curfew").count >= 12)
    }
}
