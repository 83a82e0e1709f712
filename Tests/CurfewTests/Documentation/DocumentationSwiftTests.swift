import Foundation
import TestNeeds
import TestSupport
import Testing

/// The Swift code of the documentation is part of programs that are compiled and run.
@Suite("the documentation's Swift", .tags(.pure))
struct DocumentationSwiftTests {
    /// The packages whose files the code is from; one that isn't there has none.
    private static let packages = ["Tests/Library", "Tests/CartCleaner"]

    /// The files of these packages, as lines without the spaces at their ends.
    private static let files = Result { () throws -> [[String]] in
        try packages.flatMap { package -> [[String]] in
            let folder = DocumentationPage.root.appendingPathComponent(package)
            guard FileManager.default.fileExists(atPath: folder.path) else { return [] }
            return try FileManager.default.subpathsOfDirectory(atPath: folder.path)
                .filter { $0.hasSuffix(".swift") && !$0.hasPrefix(".") }.map { path in
                    try String(contentsOf: folder.appendingPathComponent(path), encoding: .utf8)
                        .components(separatedBy: "\n")
                }
        }
    }

    /// Lines without the indentation that they share.
    static func unindented(_ lines: [String]) -> [String] {
        let shared = lines.filter { !$0.isEmpty }.map { $0.prefix { $0 == " " }.count }.min() ?? 0
        return lines.map { String($0.dropFirst(shared)) }
    }

    /// Whether lines are a piece of a file, whatever they are indented by.
    static func isPiece(_ lines: [String], of file: [String]) -> Bool {
        guard !lines.isEmpty, file.count >= lines.count else { return false }
        let wanted = unindented(lines)
        let first = wanted[0]
        return file.indices.dropLast(lines.count - 1).contains { start in
            file[start].hasSuffix(first) && unindented(Array(file[start..<start + lines.count])) == wanted
        }
    }

    @Test(
        "each block is a piece of a package that is built and tested",
        arguments: try DocumentationPage.all())
    func pieces(_ page: DocumentationPage) throws {
        let files = try Self.files.get()
        try #require(files.count > 5)
        for block in page.blocks where block.language == "swift" {
            #expect(files.contains { Self.isPiece(block.lines, of: $0) }, "\(page.path):\(block.line)")
        }
    }

    @Test("a piece is found at any indentation, and one that differs isn't")
    func search() {
        let file = ["struct A {", "    func b() {", "        c()", "    }", "}"]
        #expect(Self.isPiece(["func b() {", "    c()", "}"], of: file))
        #expect(!Self.isPiece(["func b() {", "  c()", "}"], of: file))
        #expect(!Self.isPiece(["func b() {", "    d()", "}"], of: file))
    }

    @Test("the pages about the library show some, and the program of ten lines among them")
    func isShown() throws {
        for name in ["Start", "UseFromSwift", "ConsumingStreams"] {
            let page = try DocumentationPage(path: "\(DocumentationPage.catalogue)/\(name).md")
            #expect(page.blocks.contains { $0.language == "swift" }, "\(name)")
        }
    }

    @Test(
        "the consumers in other languages are whole files of the tests",
        arguments: [("python", "alerts.py"), ("js", "alerts.mjs"), ("go", "alerts.go")])
    func consumers(_ language: String, _ name: String) throws {
        let page = try DocumentationPage(path: "\(DocumentationPage.catalogue)/ConsumingStreams.md")
        let block = try #require(page.blocks.first { $0.language == language })
        let file = DocumentationPage.root.appendingPathComponent("Tests/Library/Consumers/\(name)")
        #expect(
            try block.lines.joined(separator: "\n") + "\n" == String(contentsOf: file, encoding: .utf8))
    }
}
