import Foundation
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

/// Files that are broken, or made to break: each is refused in words, and none takes long.
@Suite("Hostile configurations", .tags(.pure), .timeLimit(.minutes(4)))
struct ConfigurationHostileTests {
    private func problems(_ text: String) -> [String] {
        do {
            _ = try Configuration.parse(text, file: "c", environment: [:])
            return []
        } catch {
            return error.problems.map(\.description)
        }
    }

    @Test(
        "broken YAML is a problem with its line",
        arguments: [
            ("redis: [", "c:2: not valid YAML: did not find expected node content (while parsing a flow node)"),
            ("redis: a\n  b: c", "c:2: not valid YAML: mapping values are not allowed in this context"),
            (
                "a: b\n\tc: d",
                "c:2: not valid YAML: found a tab character that violates indentation (while scanning a plain scalar that begins on line 1)"
            ),
            ("redis: \"x", "c:1: not valid YAML: found unexpected end of stream (while scanning a quoted scalar)"),
            ("a: */5 * * * *", "c:1: not valid YAML: a value that begins with * needs quotes"),
            ("a: 1\n---\nb: 2", "c:2: a second document begins, expected one"),
            (
                "a: \"\\uD800\"",
                "c:1: not valid YAML: found invalid Unicode character escape code (while parsing a quoted scalar)"
            ),
            ("", "c: the file is empty, expected at least redis and cleanups"),
            ("# nothing\n", "c: the file is empty, expected at least redis and cleanups"),
            ("- a", "c:1: expected a section, found a list"),
            ("text", "c:1: expected a section, found “text”"),
        ])
    func broken(text: String, message: String) {
        #expect(problems(text) == [message])
    }

    @Test("a control character is a problem with its line")
    func controlCharacter() {
        #expect(problems("redis: x\na: \u{1}") == ["c:2: not valid YAML: control characters are not allowed"])
    }

    @Test("aliases are refused, and an anchor bomb isn't lit")
    func aliases() {
        #expect(problems("a: &x 1\nb: *x") == ["c:2: aliases (*name) are not supported, write the values out"])
        #expect(problems("a: *x") == ["c:1: aliases (*name) are not supported, write the values out"])
        var bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
        for level in 1...40 {
            bomb += "a\(level): &a\(level) [\(Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ","))]\n"
        }
        bomb += "? *a40 : key\n"
        #expect(problems(bomb) == ["c:2: aliases (*name) are not supported, write the values out"])
        #expect(
            problems("x: 1\nx: 2\n" + bomb).contains("c:4: aliases (*name) are not supported, write the values out"))
    }

    @Test("an ampersand in a value is no anchor")
    func ampersand() throws {
        let text = """
            redis: redis://127.0.0.1
            prefix: a&b
            cleanups:
              a: {policy: locks, every: 1m, records: "l:<id>", timeout: 1m, index: due &now}
            """
        let configuration = try Configuration.parse(text, file: "c", environment: [:])
        #expect(configuration.prefix == "a&b")
        #expect(configuration.cleanups.first?.index == "due &now")
    }

    @Test(
        "deep nesting is refused",
        arguments: [
            String(repeating: "[", count: 500) + String(repeating: "]", count: 500),
            String(repeating: "{a: ", count: 500) + "b" + String(repeating: "}", count: 500),
            String(repeating: "- ", count: 500) + "a",
        ])
    func deep(text: String) {
        #expect(problems("redis: x\na:\n  \(text)").contains("c:3: nested deeper than 32 levels"))
    }

    @Test(
        "absurd nesting neither crashes nor hangs",
        arguments: ["[", "{", "- ", "? ", "{a: ", "[[a]: ", "!a [", "\"a\": {"])
    func absurd(unit: String) {
        for count in [999, 1_001, 20_000] {
            #expect(!problems(String(repeating: unit, count: count)).isEmpty)
        }
    }

    @Test("more than 1 MiB is refused, and 1 MiB of keys is read in bounded time and told in bounded words")
    func large() {
        #expect(
            problems(String(repeating: " ", count: 1 << 20) + "a")
                == ["c: the file is larger than 1 MiB, which is too large for a configuration"])
        let keys = (0..<80_000).map { "key\($0): 1\n" }.joined()
        let told = problems(String(keys.utf8.prefix(1 << 20)) ?? "")
        #expect(told.count == 101)
        #expect(told.last == "c: and 79902 more problems")
    }

    @Test("many duplicate keys are reported without reading the file for each")
    func manyDuplicates() {
        let told = problems(String(repeating: "a: 1\n", count: 1000))
        #expect(told == ["c:1: “a” is a duplicate key"] + (2...8).map { "c:\($0): “a” is a duplicate key" })
    }

    @Test("odd keys are refused")
    func oddKeys() {
        #expect(problems("redis: x\n[a, b]: c").contains("c:2: a key must be a text"))
        #expect(problems("redis: !secret x").contains("c:1: redis: tags (!secret) are not supported"))
    }

    @Test("a byte order mark and Windows line ends are read")
    func windows() throws {
        let text = "\u{FEFF}redis: redis://127.0.0.1\r\nprefix: a\r\ncleanups: {}\r\n"
        #expect(try Configuration.parse(text, file: "c", environment: [:]).prefix == "a")
        #expect(
            problems("redis: redis://127.0.0.1\r\nprefix: a\r\ncleanups: {}\r\nprefix: b\r\n")
                == ["c:4: prefix: duplicate key, first on line 2"])
    }

    @Test("random damage to a good file never crashes")
    func fuzz() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = Seeded(seed)
        let good = Array(ConfigurationTests.example.unicodeScalars)
        let signs = Array("{}[]:,-?*&!|>'\"%@`#$<> \n\t~0aé\u{2028}\u{E000}".unicodeScalars)
        for round in 0..<300 {
            var damaged = good
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let place = Int.random(in: 0..<damaged.count, using: &random)
                switch Int.random(in: 0...2, using: &random) {
                case 0: damaged.remove(at: place)
                case 1: damaged.insert(signs.randomElement(using: &random) ?? " ", at: place)
                default: damaged[place] = signs.randomElement(using: &random) ?? " "
                }
            }
            var text = String.UnicodeScalarView()
            text.append(contentsOf: damaged)
            for problem in problems(String(text)) {
                #expect(problem.hasPrefix("c:"), "round \(round), seed \(seed)")
            }
        }
    }

    @Test("a file that can't be read says which and why")
    func files() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "curfew-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appending(path: "curfew.yaml").path
        #expect(loading(path) == "\(path): cannot be read: there is no such file")
        #expect(loading(folder.path) == "\(folder.path): cannot be read: it is a directory")
        try Data([0x61, 0xff, 0x62]).write(to: URL(filePath: path))
        #expect(loading(path) == "\(path): cannot be read: it is not UTF-8")
        #expect(
            loading("/dev/zero") == "/dev/zero: the file is larger than 1 MiB, which is too large for a configuration")
        try "redis: redis://127.0.0.1\nprefix: ${P}\ncleanups: {}".write(
            toFile: path, atomically: true, encoding: .utf8)
        #expect(try Configuration.load(path: path, environment: ["P": "mine"]).prefix == "mine")
    }

    private func loading(_ path: String) -> String {
        do {
            _ = try Configuration.load(path: path, environment: [:])
            return "none"
        } catch {
            return error.description
        }
    }
}
