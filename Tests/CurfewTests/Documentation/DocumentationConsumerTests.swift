import Foundation
import RedisClient
import TestNeeds
import TestSupport
import Testing

/// The consumers of the documentation, run where their languages and packages are there.
@Suite("the documentation's consumers", .tags(.ownServer))
struct DocumentationConsumerTests {
    private static let folder = DocumentationPage.root.appendingPathComponent(
        "Tests/Library/Consumers"
    ).path

    /// What starts a consumer.
    struct Language: Sendable, CustomStringConvertible {
        let description: String
        let command: [String]

        /// The Python that has the package redis; the tests' script installs it.
        static let python = Language(
            description: "Python",
            command: [
                ProcessInfo.processInfo.environment["CURFEW_PYTHON"] ?? "python3", "\(folder)/alerts.py",
            ])
        static let node = Language(description: "Node", command: ["node", "\(folder)/alerts.mjs"])
        static let go = Language(description: "Go", command: ["go", "run", "\(folder)/alerts.go"])

        /// Whether it can be run here: a line that needs no more than its package ends well.
        func isThere() async throws -> Bool {
            let check =
                switch command[0] {
                case "node": ["node", "--input-type=module", "-e", "import 'redis'"]
                case "go": ["sh", "-c", "command -v go && go list github.com/redis/go-redis/v9"]
                default: [command[0], "-c", "import redis"]
                }
            return try await ChildProcess(check, output: "/dev/null").wait() == 0
        }
    }

    private static func alert(_ number: Int) -> RedisCommand {
        RedisCommand(
            "XADD",
            [
                "{curfew}:alerts", "*", "alert", "many", "state", "firing", "severity", "critical",
                "message",
                "number \(number)",
            ])
    }

    /// Starts a consumer of that name.
    private static func start(
        _ language: Language, _ name: String, _ server: RedisServer
    ) throws -> (process: ChildProcess, output: String) {
        let output = "\(server.folder)/\(name)"
        let variables = ["REDIS_URL=\(server.url)", "CONSUMER=\(name)", "IDLE_MS=200"]
        // A path with a “=” would be a variable for env.
        let command = ["env"] + variables + ["sh", "-c", "exec \"$@\"", "sh"] + language.command
        return (try ChildProcess(command, output: output), output)
    }

    /// What was written to a file so far.
    private static func text(of file: String) -> String {
        (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
    }

    //     first                      second
    //     takes 0…9, says so
    //     is killed
    //                                takes over what the first left pending, and 10…19
    @Test("each alert is dealt with, by whichever lives", arguments: [Language.python, .node, .go])
    func survives(_ language: Language) async throws {
        guard try await language.isThere() else { return }
        try await withServerAndClient { server, redis in
            try await redis.pipeline((0..<10).map(Self.alert))
            let first = try Self.start(language, "first", server)
            try await eventually("the first deals with alerts") {
                Self.text(of: first.output).contains("number 9")
            }
            first.process.signal(SIGKILL)
            _ = await first.process.wait()
            // What a consumer was given and didn't live to acknowledge.
            try await redis.pipeline((10..<20).map(Self.alert))
            try await redis.send(
                RedisCommand(
                    "XREADGROUP", ["GROUP", "pager", "dead", "COUNT", "5", "STREAMS", "{curfew}:alerts", ">"])
            )
            let second = try Self.start(language, "second", server)
            try await eventually("the second has dealt with all of the rest") {
                let text = Self.text(of: second.output)
                return (10..<20).allSatisfy { text.contains("critical number \($0)\n") }
            }
            try await eventually("nothing is pending") {
                try await redis.send(RedisCommand("XPENDING", ["{curfew}:alerts", "pager"]))[0].integer == 0
            }
            second.process.signal(SIGKILL)
        }
    }

    @Test("the one for Node is a program, wherever there is Node")
    func syntax() async throws {
        guard try await ChildProcess(["node", "--version"], output: "/dev/null").wait() == 0 else { return }
        let check = try ChildProcess(["node", "--check", "\(Self.folder)/alerts.mjs"], output: "/dev/null")
        #expect(await check.wait() == 0)
    }

    @Test(
        "Python is there when the tests' script has run",
        .enabled(if: ProcessInfo.processInfo.environment["CURFEW_PYTHON"] != nil))
    func python() async throws {
        #expect(try await Language.python.isThere())
    }
}
