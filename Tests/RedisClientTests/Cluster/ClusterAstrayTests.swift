import Logging
import NIOConcurrencyHelpers
import RedisClient
import TestNeeds
import Testing

@Suite("nodes that lead astray", .tags(.ownServer), .timeLimit(.minutes(5)))
struct ClusterAstrayTests {
    private static func bulk(_ text: String) -> String { "$\(text.utf8.count)\r\n\(text)\r\n" }

    /// The commands of a text: looks at the map each alone, what lies between them in one piece.
    private static func parts(of text: String) -> [String] {
        var parts: [String] = []
        var isMap = true
        for command in text.split(separator: "*").map({ "*" + $0 }) {
            let isOfMap = command.contains("CLUSTER")
            if isOfMap || isMap || parts.isEmpty {
                parts.append(command)
            } else {
                parts[parts.count - 1] += command
            }
            isMap = isOfMap
        }
        return parts
    }

    /// A single node that says it serves all slots, and answers the rest as a test wants.
    private func withNode(
        info: String = "cluster_current_epoch:1\r\n", answer: @escaping FakeServer.Answer,
        _ body: (RedisClient) async throws -> Void
    ) async throws {
        let port = NIOLockedValueBox(0)
        try await FakeServer.withServer { connection, text in
            let map = "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$-1\r\n:\(port.withLockedValue { $0 })\r\n"
            // What was written at different times may come in one piece, and what was written at once in several.
            let answers = Self.parts(of: text).map { part in
                if part.contains("SLOTS") { return map }
                if part.contains("CLUSTER") { return Self.bulk(info) }
                return FakeServer.signIn(part, otherwise: answer(connection, part)) ?? ""
            }
            return answers.isEmpty ? nil : answers.joined()
        } _: { server in
            guard case .host(_, let number) = server.configuration.address else { return }
            port.withLockedValue { $0 = number }
            var configuration = server.configuration
            configuration.topology = .cluster
            try await RedisClient.withClient(configuration, logger: Logger(label: "test"), body)
        }
    }

    @Test("a MOVED that names no address is an error like any other")
    func nowhere() async throws {
        try await withNode { _, text in
            text.contains("GET") ? "-MOVED 12182 :0\r\n" : nil
        } _: { client in
            let error = await #expect(throws: RedisError.self) { try await client.send(RedisCommand("GET", ["foo"])) }
            #expect(error?.server?.message == "MOVED 12182 :0")
        }
    }

    @Test("MOVED in a circle ends with an error that says so")
    func circle() async throws {
        let port = NIOLockedValueBox("")
        let count = NIOLockedValueBox(0)
        try await withNode { _, text in
            let gets = text.matches(of: /\bGET\b/).count
            count.withLockedValue { $0 += gets }
            return String(repeating: "-MOVED 12182 127.0.0.1:\(port.withLockedValue { $0 })\r\n", count: gets)
        } _: { client in
            let node = try #require(try await client.primaries().first)
            port.withLockedValue { $0 = String(node.description.drop { $0 != ":" }.dropFirst()) }
            let error = await #expect(throws: RedisError.self) { try await client.send(RedisCommand("GET", ["foo"])) }
            #expect(error?.code == .server)
            #expect(
                error?.message.hasPrefix("redirected more than 8 times in a row, last by “MOVED 12182 127.0.0.1:")
                    == true)
            #expect(error?.mayHaveRun == false)
        }
        #expect(count.withLockedValue { $0 } == 9)
    }

    @Test("ASK is followed with ASKING before each command, on the same connection")
    func asking() async throws {
        let port = NIOLockedValueBox("")
        let seen = NIOLockedValueBox<[String]>([])
        try await withNode { _, text in
            let words = text.split(separator: "\r\n").filter { !$0.hasPrefix("*") && !$0.hasPrefix("$") }
            if words.contains("GET") { seen.withLockedValue { $0.append(words.joined(separator: " ")) } }
            if words.contains("ASKING") { return "+OK\r\n+one\r\n+OK\r\n+two\r\n" }
            let ask = "-ASK 12182 127.0.0.1:\(port.withLockedValue { $0 })\r\n"
            return ask + "+here\r\n" + ask
        } _: { client in
            let node = try #require(try await client.primaries().first)
            port.withLockedValue { $0 = String(node.description.drop { $0 != ":" }.dropFirst()) }
            let replies = try await client.pipeline(
                ["foo", "bar", "{foo}2"].map { RedisCommand("GET", [$0]) })
            #expect(replies.map(\.string) == ["one", "here", "two"])
        }
        #expect(
            seen.withLockedValue { $0 } == ["GET foo GET bar GET {foo}2", "ASKING GET foo ASKING GET {foo}2"])
    }

    @Test("a node that must not say how new its map is, is believed all the same")
    func noInfo() async throws {
        try await withNode(info: "") { _, _ in
            "+OK\r\n"
        } _: { client in
            let reply = try await client.send(RedisCommand("GET", ["foo"]))
            #expect(reply.string == "OK")
        }
    }
}
