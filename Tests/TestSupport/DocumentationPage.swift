package import Foundation

/// A page of the documentation, cut into the parts that a test can check.
package struct DocumentationPage: Sendable, CustomStringConvertible {
    /// The file's path from the root of the repository.
    package let path: String
    /// Its lines.
    package let lines: [String]

    /// The path, as the name of a test case.
    package var description: String { path }

    /// The root of the repository.
    package static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    /// The folder of the catalogue, from the root.
    package static let catalogue = "Sources/Curfew/Curfew.docc"

    /// Every page: the catalogue and, where it is there, the README.
    package static func all() throws -> [DocumentationPage] {
        let folder = root.appendingPathComponent(catalogue)
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".md") }
        var paths = names.sorted().map { "\(catalogue)/\($0)" }
        if FileManager.default.fileExists(atPath: root.appendingPathComponent("README.md").path) {
            paths.append("README.md")
        }
        return try paths.map { try DocumentationPage(path: $0) }
    }

    /// Reads one page.
    package init(path: String) throws {
        let text = try String(contentsOf: Self.root.appendingPathComponent(path), encoding: .utf8)
        self.path = path
        lines = text.components(separatedBy: "\n")
    }

    /// A piece of code between two fences.
    package struct Block: Sendable {
        /// What stands after the opening fence.
        package let language: String
        /// The number of its first line in the page.
        package let line: Int
        /// Its lines.
        package let lines: [String]
    }

    /// The blocks of code, in order.
    package var blocks: [Block] {
        var blocks: [Block] = []
        var open: (language: String, start: Int)?
        for (number, line) in lines.enumerated() where line.hasPrefix("```") {
            if let (language, start) = open {
                blocks.append(Block(language: language, line: start + 1, lines: Array(lines[start..<number])))
                open = nil
            } else {
                open = (String(line.dropFirst(3)), number + 1)
            }
        }
        return blocks
    }

    /// The lines outside of blocks.
    package var prose: [String] {
        var isCode = false
        return lines.filter { line in
            guard line.hasPrefix("```") else { return !isCode }
            isCode.toggle()
            return false
        }
    }

    /// The code within lines: what stands between two backticks.
    package var spans: [String] {
        prose.flatMap { line in line.matches(of: /`([^`]+)`/).map { String($0.output.1) } }
    }

    /// Commands of that program: the lines of shell blocks that call it, without prompt.
    package func calls(of program: String) -> [String] {
        blocks.filter { ["sh", "console"].contains($0.language) }.flatMap(\.lines)
            .map { $0.hasPrefix("$ ") ? String($0.dropFirst(2)) : $0 }
            .filter { $0.hasPrefix(program + " ") }
    }

    /// A row of a table.
    package struct Row: Sendable {
        /// The heading that the table stands under.
        package let heading: String
        /// The head of the table's first column.
        package let column: String
        /// Its cells, without spaces around.
        package let cells: [String]

        /// What the first cell names in code.
        package var names: [String] { cells[0].matches(of: /`([^`]+)`/).map { String($0.output.1) } }
    }

    /// The rows of all tables, without their heads.
    package var rows: [Row] {
        var rows: [Row] = []
        var heading = ""
        var column: String?
        for line in prose {
            if line.hasPrefix("#") { heading = line.trimmingCharacters(in: ["#", " "]) }
            guard line.hasPrefix("|") else {
                column = nil
                continue
            }
            let cells = line.dropFirst().components(separatedBy: "|").dropLast()
                .map { $0.trimmingCharacters(in: .whitespaces) }
            if let column {
                if !cells[0].hasPrefix("---") { rows.append(Row(heading: heading, column: column, cells: cells)) }
            } else {
                column = cells[0]
            }
        }
        return rows
    }
}
