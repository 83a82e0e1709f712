import Foundation
import TestSupport
import Testing

extension Chaos {
    /// The crash matrix in its short form: each fault once on each kind of Redis.
    @Suite("the crash matrix")
    struct CrashMatrixTests {
        @Test("each fault once, at a step that the seed chooses: every promise is kept", .timeLimit(.minutes(5)))
        func short() async throws {
            try await withFolder { folder in
                let program = URL(fileURLWithPath: try CurfewProgram.path).deletingLastPathComponent()
                    .appendingPathComponent("CrashMatrix").path
                let seed = UInt64.random(in: 0..<1_000_000)
                let matrix = try ChildProcess(
                    // A machine that runs tests may be slow; how fast another takes over is measured by hand.
                    [program, "--short", "--seed", String(seed), "--slack", "10000"], output: "\(folder)/output")
                let code = await matrix.wait(atMost: .seconds(280))
                let text = try String(contentsOfFile: "\(folder)/output", encoding: .utf8)
                #expect(code == 0, "\(text)")
                for fault in ["kill", "freeze", "terminate", "restart", "cut", "clock"] {
                    #expect(text.contains("✓ standalone/\(fault)/"), "\(fault): \(text)")
                }
            }
        }

        @Test("a combination that doesn't exist is refused")
        func wrongCombination() async throws {
            try await withFolder { folder in
                let program = URL(fileURLWithPath: try CurfewProgram.path).deletingLastPathComponent()
                    .appendingPathComponent("CrashMatrix").path
                let matrix = try ChildProcess([program, "--only", "standalone/migrate"], output: "\(folder)/output")
                #expect(await matrix.wait(atMost: .seconds(20)) == 64)
                let text = try String(contentsOfFile: "\(folder)/output", encoding: .utf8)
                #expect(text.contains("--only leaves no combination"))
            }
        }
    }
}
