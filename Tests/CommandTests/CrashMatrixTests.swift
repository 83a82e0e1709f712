import Foundation
import TestNeeds
import TestSupport
import Testing

extension Chaos {
    /// The crash matrix in its short form: each fault once on each kind of Redis.
    ///
    /// It is at the same steps each time, so that what fails once fails again. `Deploy/crash-matrix` goes through all of
    /// them, in an order of its own each time.
    ///
    /// Its instances are of the debug build, since only that has the places at which they can be held up. An optimised
    /// build with these would be a third one (`-c release -Xswiftc -DDEBUG`, with a scratch path of its own), which takes as
    /// long as all the rest of the tests.
    @Suite("the crash matrix", .tags(.processes))
    struct CrashMatrixTests {
        @Test("each fault once, at some step: every promise is kept", .timeLimit(.minutes(5)))
        func short() async throws {
            // A machine that runs tests may be slow; how fast another takes over is measured by hand.
            let (code, text) = try await Self.run("--short", "--seed", "14", "--slack", "10000")
            #expect(code == 0, "\(text)")
            for fault in ["kill", "freeze", "terminate", "restart", "cut", "clock"] {
                #expect(text.contains("✓ standalone/\(fault)/"), "\(fault): \(text)")
            }
        }

        @Test("it notices where commits under an old fence are accepted", .timeLimit(.minutes(5)))
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
                // Only a debug build has the places at which an instance can be held up.
                let build = try CurfewProgram.folder
                let matrix = try ChildProcess(
                    ["env", "CURFEW_PROGRAM=\(build)/curfew", "\(build)/CrashMatrix"] + arguments,
                    output: "\(folder)/output")
                let code = await matrix.wait(atMost: .seconds(280))
                answer = (code, try String(contentsOfFile: "\(folder)/output", encoding: .utf8))
            }
            return answer
        }
    }
}
