import Foundation
import TestSupport

/// The modules of this build, for programs that are checked against them without being built.
struct BuiltModules {
    /// The folder of the build.
    private let folder: URL

    init() throws {
        let program = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        folder = URL(fileURLWithPath: program).deletingLastPathComponent()
    }

    /// What a compiler needs to import them: the folder of the modules, and the C modules behind them.
    var flags: [String] {
        get throws {
            let files = FileManager.default
            let build = folder.deletingLastPathComponent().deletingLastPathComponent()
            var maps = try files.contentsOfDirectory(atPath: folder.path).filter {
                $0.hasSuffix(".build")
            }
            .map { folder.appendingPathComponent($0).appendingPathComponent("module.modulemap").path }
            let checkouts = build.appendingPathComponent("checkouts")
            for package in try files.contentsOfDirectory(atPath: checkouts.path) {
                let sources = checkouts.appendingPathComponent(package).appendingPathComponent("Sources")
                guard files.fileExists(atPath: sources.path) else { continue }
                maps += try files.contentsOfDirectory(atPath: sources.path).map {
                    sources.appendingPathComponent($0).appendingPathComponent("include/module.modulemap").path
                }
            }
            return ["-I", folder.appendingPathComponent("Modules").path]
                + maps.filter { files.fileExists(atPath: $0) }.sorted()
                .flatMap { ["-Xcc", "-fmodule-map-file=\($0)"] }
        }
    }

    /// Runs a tool of the toolchain to its end; returns its output where it fails.
    static func run(_ arguments: [String], in folder: String) async throws -> String? {
        let output = "\(folder)/output-\(UInt64.random(in: 0 ... .max))"
        let status = try await ChildProcess(arguments, output: output).wait()
        guard status != 0 else { return nil }
        return try "\(arguments[0]) ended with \(status): \(String(contentsOfFile: output, encoding: .utf8))"
    }
}

/// Runs a body with a folder that is removed afterwards.
func withTestFolder<Value>(_ body: (String) async throws -> Value) async throws -> Value {
    let folder = FileManager.default.temporaryDirectory
        .appendingPathComponent("curfew-\(UInt64.random(in: 0 ... .max))").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { _ = try? FileManager.default.removeItem(atPath: folder) }
    return try await body(folder)
}
