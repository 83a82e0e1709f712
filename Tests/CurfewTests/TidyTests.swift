import Foundation
import TestNeeds
import Testing

/// The rules of the house that a formatter can't see.
@Suite("tidiness", .tags(.pure))
struct TidyTests {
    private static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    private struct Source {
        let path: String
        let lines: [String]
    }

    /// Read once: many tests look at them.
    private static let all = Result { try read("Sources", "Tests") }

    private static func sources(_ folders: String...) throws -> [Source] {
        try all.get().filter { source in folders.contains { source.path.hasPrefix("\($0)/") } }
    }

    private static func read(_ folders: String...) throws -> [Source] {
        var found: [Source] = []
        for folder in folders {
            let base = root.appendingPathComponent(folder)
            let paths = try FileManager.default.subpathsOfDirectory(atPath: base.path)
            for path in paths.sorted() where path.hasSuffix(".swift") {
                let text = try String(contentsOf: base.appendingPathComponent(path), encoding: .utf8)
                found.append(
                    Source(
                        path: "\(folder)/\(path)",
                        lines: text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)))
            }
        }
        try #require(found.count > 20, "the sources were not found under \(root.path)")
        return found
    }

    private static func offences(
        in sources: [Source], where isOffence: (Source, Int) -> Bool
    ) -> [String] {
        sources.flatMap { source in
            source.lines.indices.filter { isOffence(source, $0) }.map { "\(source.path):\($0 + 1)" }
        }
    }

    @Test("no file is longer than 350 lines")
    func sizes() throws {
        let long = try Self.sources("Sources", "Tests").filter { $0.lines.count > 350 }.map(\.path)
        #expect(long.isEmpty)
    }

    @Test("no function is longer than 70 lines")
    func functions() throws {
        var long: [String] = []
        for source in try Self.sources("Sources") {
            var starts: [(indent: String, line: Int)] = []
            for (number, line) in source.lines.enumerated() {
                let indent = String(line.prefix { $0 == " " })
                let text = line.dropFirst(indent.count)
                if text.contains("func "), !text.hasPrefix("//") {
                    // What a protocol demands has no end of its own.
                    starts.removeAll { $0.indent == indent }
                    starts.append((indent, number))
                }
                guard text == "}", let place = starts.lastIndex(where: { $0.indent == indent }) else { continue }
                if number - starts[place].line > 70 { long.append("\(source.path):\(starts[place].line + 1)") }
                starts.removeSubrange(place...)
            }
        }
        #expect(long.isEmpty)
    }

    @Test(
        "no unfinished, crashing or silent code",
        arguments: [["TO", "DO"], ["FIX", "ME"], ["try", "!"], ["as", "! "], ["= try", "? "]])
    func bannedWords(_ parts: [String]) throws {
        // In two parts, so that this file doesn't offend against itself.
        let word = parts.joined()
        #expect(try Self.offences(in: Self.sources("Sources")) { $0.lines[$1].contains(word) }.isEmpty)
    }

    /// What comes from outside may be anything: twice the same name, nothing at all, a number at the end of its range.
    @Test(
        "nothing that comes from outside can trap",
        arguments: [
            "uniqueKeysWith" + "Values",
            // A value that is taken to be there.
            #"[A-Za-z0-9_)\]]!(?:$|[^="A-Za-z0-9_])"#, "unsafely" + "Unwrapped",
            // A fraction that is taken to fit a whole number.
            #"\bU?Int\d*\((?!exactly:|bounded:|clamping:)[^"]*\.rounded\("#,
            #"\bU?Int\d*\((?!exactly:|bounded:|clamping:)Double\("#,
            // A number from a reply or a text that is taken to be far from the end of its range.
            #"(?:\.integer\b|Int\d*\(\$0\) \})[^"]* [-+*] (?!")"#,
        ])
    func traps(_ pattern: String) throws {
        let expression = try Regex(pattern)
        let offences = Self.offences(in: try Self.sources("Sources")) { source, number in
            let line = source.lines[number]
            return !line.trimmingCharacters(in: .whitespaces).hasPrefix("//") && line.contains(expression)
        }
        #expect(offences.isEmpty, "bounded(…), Dictionary(_:uniquingKeysWith:) and guard let don't")
    }

    /// What there is one of: each line that does it by hand is named, but for the one of which there is one.
    @Test(
        "what there is one of is written once",
        arguments: [
            (#"\b(pause|wait|delay)\w* = .*\b\1\w* \* "#, "Backoff.swift", "Retries"),
            (#""0" ?: ""\) \+ String\(.*radix: 16"#, "Hexadecimal.swift", "hexadecimal"),
            (#"stride\(from: [01], to: .*, by: 2\)"#, "RedisValue+Fields.swift", "RedisValue.fields"),
            (#"type\(of: .*policy\)\.kind"#, "Cleanup.swift", "Cleanup.kind"),
            (#"cleanup\.index \?\? .*keys\.index\("#, "Cleanup.swift", "Cleanup.indexKey"),
            (#"\b146_097\b"#, "CivilDate.swift", "CivilDate"),
            (#"makeSignalSource"#, "Interrupt.swift", "Interrupt"),
        ])
    func oneOfEach(_ pattern: String, home: String, name: String) throws {
        let expression = try Regex(pattern)
        let sources = try Self.sources("Sources").filter { !$0.path.hasSuffix("/" + home) }
        let offences = Self.offences(in: sources) { source, number in
            !source.lines[number].trimmingCharacters(in: .whitespaces).hasPrefix("//")
                && source.lines[number].contains(expression)
        }
        #expect(offences.isEmpty, "\(name) does this")
    }

    /// The optimiser loses what stands beside it: see OptimisedChildTaskTests.
    @Test("no tuple is returned with something in it that is still waited for")
    func awaitedTuples() throws {
        let offences = Self.offences(in: try Self.sources("Sources")) { source, line in
            source.lines[line].contains(/return \(.*try await/)
        }
        #expect(offences.isEmpty)
    }

    @Test("nothing prints but the command line")
    func printing() throws {
        let sources = try Self.sources("Sources").filter { !$0.path.hasPrefix("Sources/CurfewCLI") }
        let offences = Self.offences(in: sources) { $0.lines[$1].contains(/(^|[^a-zA-Z.])print\(/) }
        #expect(offences.isEmpty)
    }

    @Test("every package or public symbol is documented")
    func documentation() throws {
        let declaration =
            /^\s*(?:@\w+\s+)*(?:package|public)\s+(?:\w+\s+)*(?:func|var|let|struct|class|enum|protocol|init|subscript|typealias|actor)\b/
        let offences = Self.offences(in: try Self.sources("Sources")) { source, number in
            guard source.lines[number].firstMatch(of: declaration) != nil else { return false }
            var above = number - 1
            // Attributes, and what makes them depend on the compiler.
            while above >= 0, "@#".contains(source.lines[above].trimmingCharacters(in: .whitespaces).prefix(1)),
                !source.lines[above].allSatisfy(\.isWhitespace)
            { above -= 1 }
            return above < 0 || !source.lines[above].trimmingCharacters(in: .whitespaces).hasPrefix("///")
        }
        #expect(offences.isEmpty)
    }

    @Test("policies know no clock, no I/O and no other module")
    func policyImports() throws {
        let policies = try Self.sources("Sources").filter { $0.path.hasPrefix("Sources/Policies") }
        #expect(
            Self.offences(in: policies) { $0.lines[$1].contains("import ") && !$0.lines[$1].contains("//") }.isEmpty)
    }

    @Test("the Redis client knows nothing of cleanups")
    func clientImports() throws {
        let client = try Self.sources("Sources").filter { $0.path.hasPrefix("Sources/RedisClient") }
        #expect(Self.offences(in: client) { $0.lines[$1].contains(/import (Policies|Curfew)/) }.isEmpty)
    }

    @Test("only what belongs there is at the top level")
    func topLevel() throws {
        let allowed: Set = ["Package.swift", "Sources", "Tests", "Deploy", "Bench", "README.md", "Package.resolved"]
        let found = try FileManager.default.contentsOfDirectory(atPath: Self.root.path).filter { !$0.hasPrefix(".") }
        #expect(Set(found).subtracting(allowed).isEmpty)
    }
}
