import Foundation
import TestNeeds
import TestSupport
import Testing

/// What a program that imports Curfew sees, compared with a stored list.
///
/// A change of the interface is a change of that file. `CURFEW_UPDATE_INTERFACE=1` writes it anew.
@Suite("the public interface", .tags(.ownServer))
struct PublicInterfaceTests {
    private static let stored = DocumentationPage.root.appendingPathComponent(
        "Tests/Library/Interface.txt")

    private struct Graph: Decodable {
        struct Symbol: Decodable {
            struct Fragment: Decodable { var spelling: String }
            var pathComponents: [String]
            var declarationFragments: [Fragment]
        }
        var symbols: [Symbol]
    }

    /// The public symbols, a line each, in order.
    private static func symbols(_ folder: String) async throws -> [String] {
        var lines: [String] = []
        for module in ["Curfew", "Policies"] {
            let failure = try await BuiltModules.run(
                [
                    "swift-symbolgraph-extract", "-module-name", module, "-minimum-access-level", "public",
                    "-skip-synthesized-members", "-target", "\(architecture)-unknown-linux-gnu",
                    "-output-dir", folder,
                ] + BuiltModules().flags, in: folder)
            try #require(failure == nil, "\(failure ?? "")")
            let data = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(module).symbols.json"))
            lines += try JSONDecoder().decode(Graph.self, from: data).symbols.map { symbol in
                let declaration = symbol.declarationFragments.map(\.spelling).joined()
                return "\(module) \(symbol.pathComponents.joined(separator: "."))  \(declaration)"
                    .replacing(/\s*\n\s*/, with: " ")
            }
        }
        return lines.sorted()
    }

    private static var architecture: String {
        #if arch(arm64)
        "aarch64"
        #else
        "x86_64"
        #endif
    }

    @Test("is what is written down, and nothing of what is behind it shows")
    func interface() async throws {
        let symbols = try await withTestFolder { try await Self.symbols($0) }
        #expect(symbols.count > 300)
        let hidden = symbols.filter {
            $0.contains(
                /\b(NIO\w*|EventLoop\w*|Redis(Client|Value|Error|Command)|Yams|HTTPClient|ByteBuffer|Hummingbird)\b/
            )
        }
        #expect(hidden.isEmpty, "\(hidden.joined(separator: "\n"))")
        let text = symbols.joined(separator: "\n") + "\n"
        if ProcessInfo.processInfo.environment["CURFEW_UPDATE_INTERFACE"] != nil {
            try text.write(to: Self.stored, atomically: true, encoding: .utf8)
        }
        let known = try String(contentsOf: Self.stored, encoding: .utf8).split(separator: "\n").map(
            String.init)
        let (added, gone) = (
            Set(symbols).subtracting(known).sorted(), Set(known).subtracting(symbols).sorted()
        )
        #expect(added.isEmpty, "not in Interface.txt: \(added.joined(separator: "\n"))")
        #expect(gone.isEmpty, "no longer there: \(gone.joined(separator: "\n"))")
    }
}
