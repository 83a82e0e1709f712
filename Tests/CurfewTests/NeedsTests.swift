import Foundation
import TestNeeds
import Testing

/// Each suite says by a tag what its tests need, so that those that need little can be run by themselves.
///
/// What they need is read from the sources: the words that stand for servers, clusters and processes, and those of the
/// helpers that use them.
@Suite("what tests need", .tags(.pure))
struct NeedsTests {
    /// From the least to the most.
    enum Need: String, CaseIterable, Comparable {
        case pure, ownServer, cluster, processes

        static func < (one: Need, other: Need) -> Bool {
            allCases.firstIndex(of: one) ?? 0 < allCases.firstIndex(of: other) ?? 0
        }

        /// What of TestSupport, or of the suites' traits, needs it.
        var words: [String] {
            switch self {
            case .pure: []
            case .ownServer:
                [
                    "RedisServer", "withServer", "withServerAndClient", "withMovableClock", "ObjectStore",
                    "ObjectGateway",
                    "HTTPReceiver", "TCPProxy", "ChildProcess",
                ]
            case .cluster:
                [
                    "RedisCluster", "withClusterAndClient", "RedisSentinels", "withSentinels", "withSentinelsAndClient",
                    "onlyCluster",
                ]
            case .processes: ["CurfewProgram", "WorkerProcess"]
            }
        }
    }

    /// The suites of one file, and what it declares for others.
    struct Source {
        let path: String
        let code: String

        init(path: String, text: String) {
            self.path = path
            code = text.replacing(/\/\/[^\n]*/, with: "").replacing(/"(?:\\.|[^"\\\n])*"/, with: "\"\"")
        }

        /// Each suite's text: from its attribute to the next one's.
        var suites: [Substring] {
            let starts = code.matches(of: /@Suite\(/).map(\.range.lowerBound)
            return zip(starts, starts.dropFirst() + [code.endIndex]).map { code[$0..<$1] }
        }

        /// What stands at the top of a file without tests: a name, and the text that belongs to it.
        var helpers: [(name: String, text: Substring)] {
            code.matches(of: /(?m)^(?:func|struct|enum|final class|class|actor) (\w+)/).map { match in
                let end = code[match.range.upperBound...].firstRange(of: "\n}")?.lowerBound ?? code.endIndex
                return (String(match.output.1), code[match.range.upperBound..<end])
            }
        }
    }

    private static let expected =
        "expected one of .tags(.pure), .ownServer, .cluster, .processes, the same in all the file"

    private static func sources() throws -> [Source] {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let folders = ["AdminTests", "CommandTests", "CurfewTests", "PoliciesTests", "RedisClientTests"]
        return try folders.flatMap { folder in
            let base = root.appendingPathComponent(folder)
            let paths = try FileManager.default.subpathsOfDirectory(atPath: base.path).filter { $0.hasSuffix(".swift") }
            try #require(!paths.isEmpty, "the tests were not found under \(base.path)")
            return try paths.sorted().map { path in
                let text = try String(contentsOf: base.appendingPathComponent(path), encoding: .utf8)
                return Source(path: "Tests/\(folder)/\(path)", text: text)
            }
        }
    }

    /// What the suites say wrongly, a line for each.
    static func offences(in sources: [Source]) -> [String] {
        var needs: [String: Int] = [:]
        for (height, need) in Need.allCases.enumerated() {
            for word in need.words { needs[word] = height }
        }
        func height(of text: Substring) -> Int {
            text.matches(of: /\w+/).map { needs[String($0.output)] ?? 0 }.max() ?? 0
        }
        // Helpers use helpers: until nothing is added. A scene that is on a Cluster for some suites alone has borrowed it.
        let helpers = sources.filter { !$0.path.hasSuffix("Tests.swift") }.flatMap(\.helpers)
            .filter { !["EveryTopology", "OnlyCluster", "SharedClusters"].contains($0.name) }
        var hasChanged = true
        while hasChanged {
            hasChanged = false
            for helper in helpers where height(of: helper.text) > needs[helper.name] ?? 0 {
                needs[helper.name] = height(of: helper.text)
                hasChanged = true
            }
        }
        return sources.flatMap { source -> [String] in
            let suites = source.suites
            let said = suites.map { suite in
                suite.prefix { $0 != "{" }.matches(of: /\.tags\(\.(\w+)\)/).map { String($0.output.1) }
            }
            return zip(suites, said).compactMap { suite, tags -> String? in
                let place = "\(source.path):\(source.code[..<suite.startIndex].count { $0.isNewline } + 1)"
                guard tags.count == 1, let need = Need(rawValue: tags[0]), tags == said[0] else {
                    return "\(place): \(expected)"
                }
                let seen = Need.allCases[height(of: suite)]
                return need < seen ? "\(place): .\(need), and it uses what needs .\(seen)" : nil
            }
        }
    }

    @Test("each suite says what it needs, and no less")
    func tags() throws {
        let found = Self.offences(in: try Self.sources())
        #expect(found.isEmpty, "\(found.joined(separator: "\n"))")
    }

    @Test("one that says nothing, or too little, is named with its line")
    func wrong() {
        func suite(_ traits: String, _ body: String) -> String { "@Suite(\(traits))\nstruct Some {\n\(body)\n}\n" }
        let found = Self.offences(in: [
            Source(path: "Scene.swift", text: "func withScene() {\n    withServer {}\n}\n"),
            Source(path: "Other.swift", text: "func withMore() {\n    withScene()\n}\n"),
            Source(path: "ATests.swift", text: "import Testing\n" + suite("\"RedisServer\"", "")),
            Source(path: "BTests.swift", text: suite(".tags(.\(Need.pure))", "// RedisCluster\nwithMore()")),
            Source(path: "CTests.swift", text: suite(".tags(.\(Need.cluster))", "withMore()")),
            Source(
                path: "DTests.swift",
                text: suite(".tags(.\(Need.cluster))", "") + suite(".tags(.\(Need.processes))", "CurfewProgram.run()")),
        ])
        #expect(
            found == [
                "ATests.swift:2: \(Self.expected)", "BTests.swift:1: .pure, and it uses what needs .ownServer",
                "DTests.swift:5: \(Self.expected)",
            ])
    }
}
