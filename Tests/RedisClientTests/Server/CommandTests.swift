import Logging
import RedisClient
import TestNeeds
import TestSupport
import Testing

@Suite("commands to a real server", .tags(.ownServer), .timeLimit(.minutes(4)))
struct CommandTests {
    @Test("a value that is set can be got", arguments: [0, 1])
    func setAndGet(transport: Int) async throws {
        try await withServerAndClient(transport == 0 ? .tcp : .unixSocket) { _, client in
            let set = try await client.send(RedisCommand("SET", ["key", "value"]))
            #expect(set.string == "OK")
            #expect(try await client.send(RedisCommand("GET", ["key"])).string == "value")
            #expect(try await client.send(RedisCommand("GET", ["nothing"])).isNull)
            #expect(client.isConnected)
        }
    }

    @Test("the connection has a name and the database that was asked for")
    func nameAndDatabase() async throws {
        try await withServer { server in
            var configuration = server.configuration
            configuration.database = 3
            try await RedisClient.withClient(configuration, logger: Logger(label: "test")) { client in
                let list = try await client.send(RedisCommand("CLIENT", ["LIST"])).string ?? ""
                #expect(list.contains(" name=curfew "))
                #expect(list.contains(" db=3 "))
            }
        }
    }

    @Test("an error of the server is thrown by send")
    func errorsAreThrown() async throws {
        try await withServerAndClient { server, client in
            try await client.send(RedisCommand("SET", ["key", "value"]))
            let error = await #expect(throws: RedisError.self) {
                try await client.send(RedisCommand("LPUSH", ["key", "secret"]))
            }
            #expect(error?.code == .server)
            #expect(error?.server?.code == "WRONGTYPE")
            #expect(error?.mayHaveRun == false)
            #expect(
                error?.description == "Redis at 127.0.0.1:\(server.port): LPUSH: "
                    + "WRONGTYPE Operation against a key holding the wrong kind of value"
            )
        }
    }

    @Test("an error among pipelined commands is a value and loses no other reply")
    func errorsAreValues() async throws {
        try await withServerAndClient { _, client in
            let replies = try await client.pipeline([
                RedisCommand("SET", ["key", "1"]), RedisCommand("LPUSH", ["key", "x"]), RedisCommand("INCR", ["key"]),
            ])
            #expect(replies.map(\.description).first == "\"OK\"")
            #expect(replies[1].error?.code == "WRONGTYPE")
            #expect(replies[2].integer == 2)
        }
    }

    @Test("no commands have no replies")
    func empty() async throws {
        try await withServerAndClient { _, client in
            let replies = try await client.pipeline([])
            #expect(replies.isEmpty)
        }
    }

    @Test("pipelines that are begun side by side are answered each, in order")
    func begun() async throws {
        try await withServerAndClient { _, client in
            let first = try client.begin([RedisCommand("INCR", ["n"]), RedisCommand("INCR", ["n"])])
            let second = try client.begin([RedisCommand("INCR", ["n"])])
            let later = try await second.replies()
            let earlier = try await first.replies()
            #expect(earlier.map(\.integer) == [1, 2])
            #expect(later.map(\.integer) == [3])
            #expect(first.elapsed > .zero)
        }
    }

    @Test("a thousand tasks get each their own reply")
    func manyTasks() async throws {
        try await withServerAndClient { _, client in
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for task in 0..<1000 {
                    group.addTask {
                        let single = try await client.send(RedisCommand("ECHO", ["single \(task)"]))
                        let commands = (0..<5).map { RedisCommand("ECHO", ["\(task)/\($0)"]) }
                        let replies = try await client.pipeline(commands)
                        return single.string == "single \(task)"
                            && replies.map(\.string) == (0..<5).map { "\(task)/\($0)" }
                    }
                }
                for try await isRight in group { #expect(isRight) }
            }
        }
    }

    @Test("large values and many elements go both ways")
    func large() async throws {
        try await withServerAndClient { _, client in
            let big = String(repeating: "0123456789abcdef", count: 1 << 18)
            try await client.send(RedisCommand("SET", ["big", big]))
            #expect(try await client.send(RedisCommand("GET", ["big"])).string == big)
            let members = (0..<50_000).map(String.init)
            try await client.send(RedisCommand("RPUSH", ["list"] + members))
            let list = try await client.send(RedisCommand("LRANGE", ["list", "0", "-1"]))
            #expect(list.count == 50_000)
            #expect(list[49_999].integer == 49_999)
        }
    }

    @Test("a reply over the limit is an error of its own: the others come, and the connection stays")
    func overTheLimit() async throws {
        try await withServerAndClient { _, client in
            let value = String(repeating: "é", count: (ReplySize.recordValueBytes >> 1) + 1)
            for number in 0..<3 {
                try await client.send(RedisCommand("HSET", ["r\(number)", "f", "x", "big", value.held]))
            }
            _ = try await client.send(RedisCommand("HDEL", ["r1", "big"]))
            let id = try await client.send(RedisCommand("CLIENT", ["ID"]))
            let replies = try await client.pipeline(
                (0..<3).map { number in
                    var command = RedisCommand("HMGET", ["r\(number)", "f", "big"])
                    command.replySize = .record
                    return command
                })
            #expect(replies.map(\.isTooLarge) == [true, false, true])
            #expect(replies[1][0].string == "x" && replies[1][1].isNull)
            #expect(replies[0].error?.words == "a value has 1048578 bytes: expected at most 1048576")
            #expect(try await client.send(RedisCommand("HGET", ["r0", "big"])).string == value.held)
            #expect(try await client.send(RedisCommand("CLIENT", ["ID"])) == id)
        }
    }

    @Test("what doesn't fit into one answer is asked for again, each once more at most")
    func inPieces() async throws {
        try await withServerAndClient { _, client in
            let value = String(repeating: "x", count: 900_000)
            for number in 0..<30 { try await client.send(RedisCommand("SET", ["t\(number)", value + "\(number)"])) }
            try await client.send(RedisCommand("SETRANGE", ["t4", "2000000", "x"]))
            let commands = (0..<30).map { number in
                var command = RedisCommand("GET", ["t\(number)"])
                command.replySize = .record
                return command
            }
            let replies = try await client.pipelineInPieces(commands)
            for (number, reply) in replies.enumerated() where number != 4 {
                #expect(reply.string == value + "\(number)")
            }
            #expect(replies[4].isTooLarge)
        }
    }

    @Test("more commands than may wait are refused, and the others go on")
    func tooManyPending() async throws {
        try await withServer { server in
            var configuration = server.configuration
            configuration.pendingLimit = 10
            try await RedisClient.withClient(configuration, logger: Logger(label: "test")) { client in
                try await client.send(RedisCommand("PING"))
                server.freeze()
                let waiting = try client.begin(Array(repeating: RedisCommand("INCR", ["n"]), count: 10))
                let error = #expect(throws: RedisError.self) { try client.begin([RedisCommand("INCR", ["n"])]) }
                #expect(error?.code == .tooManyPending)
                server.resume()
                #expect(try await waiting.replies().last?.integer == 10)
                #expect(try await client.send(RedisCommand("INCR", ["n"])).integer == 11)
            }
        }
    }

    @Test("a cancelled task fails alone, and its reply goes to nobody else")
    func cancellation() async throws {
        try await withServerAndClient { server, client in
            try await client.send(RedisCommand("PING"))
            server.freeze()
            let task = Task { try await client.send(RedisCommand("ECHO", ["cancelled"]), deadline: .seconds(50)) }
            let other = try client.begin([RedisCommand("ECHO", ["other"])], deadline: .seconds(50))
            task.cancel()
            let error = await #expect(throws: RedisError.self) { try await task.value }
            #expect(error?.code == .cancelled)
            #expect(error?.mayHaveRun == true)
            server.resume()
            #expect(try await other.replies().first?.string == "other")
            #expect(try await client.send(RedisCommand("ECHO", ["next"])).string == "next")
        }
    }
}
