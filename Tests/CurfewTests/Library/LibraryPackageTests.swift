import Foundation
import TestNeeds
import TestSupport
import Testing

/// The packages that import Curfew as an application does are checked against the modules of this build, which takes
/// seconds; `Deploy/test --library` builds and runs them.
@Suite("packages that import Curfew", .tags(.ownServer))
struct LibraryPackageTests {
    private static let tests = DocumentationPage.root.appendingPathComponent("Tests")

    /// The Swift files of a target.
    private static func files(_ target: String) throws -> [String] {
        let folder = tests.appendingPathComponent(target)
        let names = try FileManager.default.subpathsOfDirectory(atPath: folder.path).filter {
            $0.hasSuffix(".swift")
        }
        try #require(!names.isEmpty, "there is no source in \(folder.path)")
        return names.sorted().map { folder.appendingPathComponent($0).path }
    }

    /// The complaint of the compiler; nil if there is none.
    ///
    /// What tasks may share is only seen after the types are checked, so it goes on until then.
    private static func check(
        _ target: String, _ folder: String, as module: String? = nil, _ more: [String] = []
    ) async throws -> String? {
        let what = module.map {
            ["-emit-module", "-module-name", $0, "-o", "\(folder)/\($0).swiftmodule"]
        }
        return try await BuiltModules.run(
            ["swiftc"] + (what ?? ["-wmo", "-emit-sil", "-o", "/dev/null"]) + more
                + ["-swift-version", "6", "-I", folder]
                + BuiltModules().flags
                + files(target), in: folder)
    }

    @Test("the shop, its server and its tests see all that they use in the public interface")
    func shop() async throws {
        try await withTestFolder { folder in
            let shop = try await Self.check("Library/Sources/Shop", folder, as: "Shop")
            #expect(shop == nil)
            for target in ["Sources/ShopServer", "Tests/ShopTests"] {
                let complaint = try await Self.check("Library/\(target)", folder)
                #expect(complaint == nil)
            }
        }
    }

    @Test("the programs of the documentation are programs", arguments: ["CleanUpJobs", "Followers"])
    func programs(_ name: String) async throws {
        try await withTestFolder { folder in
            let complaint = try await Self.check("Library/Sources/\(name)", folder)
            #expect(complaint == nil)
        }
    }

    @Test("the program with a policy of its own sees all that it uses, and so do its tests")
    func carts() async throws {
        try await withTestFolder { folder in
            let program = try await Self.check(
                "CartCleaner/Sources/CartCleaner", folder, as: "CartCleaner", ["-enable-testing"])
            #expect(program == nil)
            let tests = try await Self.check("CartCleaner/Tests/CartCleanerTests", folder)
            #expect(tests == nil)
        }
    }

    @Test("what isn't public isn't seen")
    func hidden() async throws {
        try await withTestFolder { folder in
            let file = "\(folder)/main.swift"
            try "import Curfew\nlet engine: Engine? = nil\n".write(
                toFile: file, atomically: true, encoding: .utf8)
            let failure = try await BuiltModules.run(
                ["swiftc", "-typecheck", "-swift-version", "6"] + BuiltModules().flags + [file], in: folder)
            #expect(failure?.contains("Engine") == true)
        }
    }
}
