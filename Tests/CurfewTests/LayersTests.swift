import Foundation
import TestNeeds
import Testing

/// The folders of the engine are layers: each uses only what is below it.
///
/// What a folder uses is read from its sources: the names of types that another folder declares. Comments and texts don't
/// count, and neither do names after a dot, which belong to the type before it.
@Suite("layers", .tags(.pure))
struct LayersTests {
    /// From the lowest to the highest.
    static let order = [
        "Base", "Configuration", "Storage", "Functions", "Commit", "Leases", "Records", "Sweep", "Undo", "Indexing",
        "Discovery", "Alerts", "Notices", "Reporting", "Running", "Library",
    ]

    /// One source file without its comments and texts.
    struct Source {
        let path: String
        let layer: String
        let lines: [Substring]

        init(path: String, text: String) {
            self.path = path
            layer = path.contains("/") ? String(path.prefix { $0 != "/" }) : "."
            lines = Self.code(of: text).split(separator: "\n", omittingEmptySubsequences: false)
        }

        private static func code(of text: String) -> String {
            var text = text
            for literal in [/"""(?:.|\n)*?"""/, /\/\*(?:.|\n)*?\*\//] {
                text.replace(literal) { String(repeating: "\n", count: $0.output.filter(\.isNewline).count) }
            }
            text.replace(/\/\/[^\n]*/, with: "")
            text.replace(/"(?:\\.|[^"\\\n])*"/, with: "\"\"")
            return text
        }

        /// The types that are declared here, and how deep inside of others.
        func declarations() -> [(name: String, depth: Int)] {
            var depth = 0
            var found: [(name: String, depth: Int)] = []
            for line in lines {
                for match in line.matches(of: /\b(?:struct|class|enum|actor|protocol|typealias)\s+([A-Z]\w*)/) {
                    found.append((String(match.output.1), depth))
                }
                depth += line.count { $0 == "{" } - line.count { $0 == "}" }
            }
            return found
        }

        /// The names of types on a line: those with nothing before them.
        static func names(on line: Substring) -> [String] {
            line.matches(of: /(?:^|[^\w.])([A-Z]\w*)/).map { String($0.output.1) }
        }
    }

    /// All of them, read once.
    private static let all = Result { try sources() }

    private static func sources() throws -> [Source] {
        let root = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Sources/Curfew")
        let paths = try FileManager.default.subpathsOfDirectory(atPath: root.path)
        let swift = paths.filter { $0.hasSuffix(".swift") }.sorted()
        try #require(swift.count > 150, "the sources were not found under \(root.path)")
        return try swift.map {
            Source(path: $0, text: try String(contentsOf: root.appendingPathComponent($0), encoding: .utf8))
        }
    }

    /// The arrows that run up: which line uses what.
    static func offences(in sources: [Source]) -> [String] {
        var homes: [String: String] = [:]
        var nested: [String: Set<String>] = [:]
        for source in sources {
            for (name, depth) in source.declarations() {
                if depth == 0 {
                    homes[name] = source.layer
                } else {
                    nested[name, default: []].insert(source.layer)
                }
            }
        }
        let heights = Dictionary(uniqueKeysWithValues: order.enumerated().map { ($1, $0) })
        var found: [String] = []
        for source in sources {
            guard let height = heights[source.layer] else {
                found.append("\(source.path): \(source.layer) is none of the layers")
                continue
            }
            for (number, line) in source.lines.enumerated() {
                for name in Source.names(on: line) {
                    guard let home = homes[name], nested[name]?.contains(source.layer) != true,
                        let upper = heights[home], upper > height
                    else { continue }
                    found.append(
                        "\(source.path):\(number + 1): \(source.layer) → \(home): \(name) in “"
                            + line.trimmingCharacters(in: .whitespaces) + "”")
                }
            }
        }
        return found
    }

    @Test("each folder of the engine uses only those below it")
    func arrows() throws {
        let found = Self.offences(in: try Self.all.get())
        #expect(found.isEmpty, "\(found.joined(separator: "\n"))")
    }

    @Test("no folder below the composition root knows the engine, which holds everything")
    func engine() throws {
        let below = Set(Self.order.prefix { $0 != "Running" })
        let found = try Self.all.get().filter { below.contains($0.layer) }.flatMap { source in
            source.lines.enumerated().filter { Source.names(on: $0.element).contains("Engine") }.map {
                "\(source.path):\($0.offset + 1): “\($0.element.trimmingCharacters(in: .whitespaces))”"
            }
        }
        #expect(found.isEmpty, "\(found.joined(separator: "\n"))")
    }

    @Test("an arrow that runs up is named with its line; one inside a text or a comment is none")
    func upward() {
        let found = Self.offences(in: [
            Source(path: "Base/Key.swift", text: "// Run\nlet a = \"Run\"\nlet b = Key.Run.self\nlet c: [Run] = []\n"),
            Source(path: "Running/Run.swift", text: "struct Run {\n    enum Stage {}\n    let key: Key\n}\n"),
            Source(path: "Sweep/Stage.swift", text: "struct Sweep {\n    let stage: Stage\n}\n"),
            Source(path: "Elsewhere/Other.swift", text: "struct Key {}\n"),
        ])
        #expect(
            found == [
                "Base/Key.swift:4: Base → Running: Run in “let c: [Run] = []”",
                "Elsewhere/Other.swift: Elsewhere is none of the layers",
            ])
    }
}
