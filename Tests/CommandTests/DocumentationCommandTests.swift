import Foundation
import TestNeeds
import TestSupport
import Testing

@Suite("the documentation's commands", .tags(.processes))
struct DocumentationCommandTests {
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

    /// The commands of `config` that need no file.
    private static let withoutFile: Set = ["init", "schema", "show"]

    /// Whether the built program takes a line, told by what it says to it.
    ///
    /// A line that names no more than a command is asked for the help of that command. Any other is given a configuration
    /// that isn't there: the complaint is then about the file, and about the line only where it isn't understood.
    private static func isUnderstood(_ line: String) async throws -> Bool {
        let parent = FileManager.default.temporaryDirectory
        let folder = parent.appendingPathComponent("curfew-\(UInt64.random(in: 0 ... .max))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { _ = try? FileManager.default.removeItem(at: folder) }
        let arguments = Array(words(line).dropFirst())
        if arguments.count == 1 {
            let help = try await CurfewProgram.run(arguments + ["--help"], folder: folder.path)
            return help.code == 0 && help.output.contains("USAGE: curfew \(arguments[0])")
        }
        if arguments.first == "config", arguments.count > 1, withoutFile.contains(arguments[1]) {
            let command = arguments.prefix { $0 != ">" }
            let help = try await CurfewProgram.run(command + ["--help"], folder: folder.path)
            return help.code == 0 && help.output.contains("USAGE: curfew config \(arguments[1])")
        }
        let file = folder.appendingPathComponent("none.yaml").path
        let ending = try await CurfewProgram.run(arguments + ["--config", file], folder: folder.path)
        return ending.code == 2 && ending.output.contains("\(file): cannot be read: there is no such file")
    }

    @Test("every command in the documentation is one", arguments: try DocumentationPage.all())
    func commands(_ page: DocumentationPage) async throws {
        let spans = page.spans.filter { $0.hasPrefix("curfew ") }
        for line in Set(page.calls(of: "curfew") + spans).sorted() {
            #expect(try await Self.isUnderstood(line), "\(page.path): \(line)")
        }
    }

    @Test("a day with Curfew is shown in commands")
    func isShown() throws {
        let operating = try DocumentationPage(path: "\(DocumentationPage.catalogue)/Operating.md")
        #expect(operating.calls(of: "curfew").count >= 12)
    }
}
