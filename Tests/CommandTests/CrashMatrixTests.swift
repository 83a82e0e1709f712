import Foundation
import TestSupport
import Testing

extension Chaos {
    /// The crash matrix in its short form: each fault once on each kind of Redis.
    @Suite("the crash matrix")
    struct CrashMatrixTests {
        @Test("each fault once, at a step that the seed chooses: every promise is kept", .timeLimit(.minutes(5)))
        func short() async throws {
            let seed = String(UInt64.random(in: 0..<1_000_000))
            // A machine that runs tests may be slow; how fast another takes over is measured by hand.
            let (code, text) = try await Self.run("--short", "--seed", seed, "--slack", "10000")
            #expect(code == 0, "\(text)")
            for fault in ["kill", "freeze", "terminate", "restart", "cut", "clock"] {
                #expect(text.contains("✓ standalone/\(fault)/"), "\(fault): \(text)")
            }
        }

        @Test("it notices where commits under an old fence are accepted", .timeLimit(.minutes(2)))
        func noFence() async throws {
            // With this seed the one that wakes finds its page as it was, because its successor is held up too.
            let (code, text) = try await Self.run(
                "--weaken", "fence", "--only", "standalone/freeze/before-commit", "--times", "1", "--seed", "3")
            #expect(code == 1)
            #expect(text.contains("outside of its time"), "\(text)")
        }

        @Test("a combination that doesn't exist is refused")
        func wrongCombination() async throws {
            let (code, text) = try await Self.run("--only", "standalone/migrate")
            #expect(code == 64)
            #expect(text.contains("--only leaves no combination"))
        }

        /// Runs the matrix, and answers its exit code and what it said.
        private static func run(_ arguments: String...) async throws -> (CInt, String) {
            var answer: (CInt, String) = (-1, "")
            try await withFolder { folder in
                let program = "\(try CurfewProgram.folder)/CrashMatrix"
                let matrix = try ChildProcess([program] + arguments, output: "\(folder)/output")
                let code = await matrix.wait(atMost: .seconds(280))
                answer = (code, try String(contentsOfFile: "\(folder)/output", encoding: .utf8))
            }
            return answer
        }
    }
}
