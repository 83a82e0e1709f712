import Foundation
import TestNeeds
import TestSupport
import Testing

@Suite("the documentation's links", .tags(.pure))
struct DocumentationLinkTests {
    private static func exists(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: DocumentationPage.root.appendingPathComponent(path).path)
    }

    /// Every type that the module of the catalogue declares.
    private static func types() throws -> Set<String> {
        let folder = DocumentationPage.root.appendingPathComponent("Sources/Curfew").path
        var types: Set<String> = ["Curfew"]
        for path in try FileManager.default.subpathsOfDirectory(atPath: folder) where path.hasSuffix(".swift") {
            let text = try String(contentsOfFile: "\(folder)/\(path)", encoding: .utf8)
            for match in text.matches(of: /(?:struct|class|enum|protocol|actor) ([A-Z]\w+)/) {
                types.insert(String(match.output.1))
            }
        }
        return types
    }

    @Test("every symbol, page and file that is linked to is there", arguments: try DocumentationPage.all())
    func links(_ page: DocumentationPage) throws {
        let text = page.prose.joined(separator: "\n")
        let types = try Self.types()
        let symbols = text.matches(of: /``(\w+)``/).map { String($0.output.1) }
        #expect(symbols.filter { !types.contains($0) } == [])
        for link in text.matches(of: /<doc:(\w+)>/) {
            #expect(Self.exists("\(DocumentationPage.catalogue)/\(link.output.1).md"), "\(link.output.1)")
        }
        for link in text.matches(of: /\]\(([^)#:]+)\)/) {
            #expect(Self.exists(String(link.output.1)), "\(link.output.1)")
        }
    }

    @Test("the catalogue's first page leads to all others")
    func topics() throws {
        let first = try DocumentationPage(path: "\(DocumentationPage.catalogue)/Curfew.md")
        let linked = first.prose.flatMap { line in line.matches(of: /<doc:(\w+)>/).map { String($0.output.1) } }
        let pages = try DocumentationPage.all().map(\.path).filter { $0.hasPrefix(DocumentationPage.catalogue) }
            .compactMap { $0.split(separator: "/").last?.replacing(".md", with: "") }
        #expect(Set(linked) == Set(pages.map { String($0) }).subtracting(["Curfew"]))
    }

    @Test("the catalogue's lines are 120 columns at most, tables aside", arguments: try DocumentationPage.all())
    func width(_ page: DocumentationPage) {
        guard page.path.hasPrefix(DocumentationPage.catalogue) else { return }
        let long = page.lines.indices.filter { page.lines[$0].count > 120 && !page.lines[$0].hasPrefix("|") }
        #expect(long.map { $0 + 1 } == [])
    }
}
