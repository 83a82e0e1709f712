import Logging
import TestNeeds
import TestSupport
import Testing

@testable import RedisClient

@Suite("which commands only read", .tags(.ownServer))
struct ReadCommandTests {
    /// A command as a server describes it: `XINFO|GROUPS` is given as `XINFO GROUPS`.
    private struct Described {
        let name: String
        let flags: Set<String>
    }

    private static func described(_ entries: [RedisValue]) -> [Described] {
        entries.flatMap { entry in
            let name = (entry[0].string ?? "").uppercased().replacing("|", with: " ")
            let one = Described(name: name, flags: Set(entry[2].elements.compactMap(\.string)))
            // Servers before 7.0 have no entries for the words after the name.
            return [one] + described(entry[9].elements)
        }
    }

    private static func isRead(_ name: String) -> Bool {
        let words = name.split(separator: " ").map(String.init)
        return RedisCommand(words[0], Array(words.dropFirst())).isIdempotent
    }

    private static func names(_ contained: [String: Set<String>]) -> [String] {
        contained.flatMap { name, words in words.map { "\(name) \($0)" } }
    }

    @Test("what the server calls read-only may be sent again, and nothing that it calls a write")
    func flags() async throws {
        try await withServerAndClient { _, client in
            let commands = Self.described(try await client.send(RedisCommand("COMMAND")).elements)
                .filter { !$0.flags.contains("module") && RedisCommand.containedReaders[$0.name] == nil }
            try #require(commands.count > 200)
            let missing = commands.filter {
                // Two that aren't commands: by them older servers know a browser, and hang up.
                $0.flags.contains("readonly") && !Self.isRead($0.name) && !["HOST:", "POST"].contains($0.name)
            }
            #expect(missing.map(\.name) == [])
            let wrong = commands.filter { $0.flags.contains("write") && Self.isRead($0.name) }
            #expect(wrong.map(\.name) == [])
            let flags = Dictionary(commands.map { ($0.name, $0.flags) }) { first, _ in first }
            let readers = Array(RedisCommand.readers) + Self.names(RedisCommand.containedReaders)
            // A server of another version may lack some.
            for name in readers { #expect(flags[name]?.contains("readonly") != false, "\(name)") }
            let questions = Array(RedisCommand.questions) + Self.names(RedisCommand.containedQuestions)
            for name in questions { #expect(flags[name]?.isDisjoint(with: ["write", "readonly"]) != false, "\(name)") }
        }
    }

    private func blocked(_ server: RedisServer) async throws {
        try await RedisClient.withClient(server.configuration, logger: Logger(label: "test")) { observer in
            try await eventually("a command blocks") {
                let clients = try await observer.send(RedisCommand("INFO", ["clients"])).string ?? ""
                return clients.contains("blocked_clients:1")
            }
        }
    }

    @Test("a read that was under way when the connection was lost is sent again; together with a write it isn't")
    func lost() async throws {
        try await withServerAndClient { server, client in
            let read = RedisCommand("XREAD", ["BLOCK", "0", "STREAMS", "stream", "0"])
            let mixed = try client.begin([read, RedisCommand("SET", ["key", "value"])], deadline: .seconds(50))
            try await blocked(server)
            await server.kill()
            let error = await #expect(throws: RedisError.self) { try await mixed.replies() }
            #expect(error?.code == .outcomeUnknown)
            try await server.restart()
            let alone = try client.begin([read], deadline: .seconds(50))
            try await blocked(server)
            await server.kill()
            try await server.restart()
            try await blocked(server)
            try await RedisClient.withClient(server.configuration, logger: Logger(label: "test")) { other in
                _ = try await other.send(RedisCommand("XADD", ["stream", "1-1", "field", "value"]))
            }
            #expect(try await alone.replies()[0][0][0].string == "stream")
        }
    }
}
