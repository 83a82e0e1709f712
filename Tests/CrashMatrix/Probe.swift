internal import Curfew
internal import RedisClient
internal import TestSupport

/// How the matrix looks into Redis, by a client of its own.
struct Probe: Sendable {
    let redis: RedisClient
    let keys = Keys(prefix: "curfew")

    /// Sends a command, again and again while Redis is away.
    func send(_ words: String...) async throws -> RedisValue {
        let command = RedisCommand.repeatable(words[0], Array(words.dropFirst()))
        return try await eventually("Redis answers \(words[0])", within: .seconds(60)) { () -> RedisValue? in
            do {
                return try await redis.send(command)
            } catch let error as RedisError {
                if error.code == .server, error.server?.code != "LOADING" { throw error }
                return nil
            }
        }
    }

    /// Sends many commands, in order.
    func pipeline(_ commands: [RedisCommand]) async throws -> [RedisValue] {
        var replies: [RedisValue] = []
        for start in stride(from: 0, to: commands.count, by: 500) {
            replies += try await redis.pipeline(Array(commands[start..<min(start + 500, commands.count)]))
        }
        return replies
    }

    /// The server's time in milliseconds.
    func now() async throws -> Int64 {
        let time = try await send("TIME")
        return (time[0].integer ?? 0) * 1000 + (time[1].integer ?? 0) / 1000
    }

    /// Waits until the server's clock shows that time.
    func wait(until time: Int64) async throws {
        try await eventually("the server's clock shows \(time)", within: .seconds(60)) { try await now() >= time }
    }

    /// The entries of one of Curfew's streams from that id on, oldest first.
    func entries(_ stream: String, from first: String = "-") async throws -> [StreamEntry] {
        var entries: [StreamEntry] = []
        var from = first
        while true {
            let page = try await send("XRANGE", stream, from, "+", "COUNT", "1000").elements.map(StreamEntry.init)
            entries += page
            guard let last = page.last else { return entries }
            from = "(\(last.id)"
        }
    }
}

extension StreamEntry {
    /// A number among the fields; -1 where there is none.
    func number(_ name: String) -> Int64 { self[name].flatMap { Int64($0) } ?? -1 }

    /// When it was added, in Unix milliseconds by the server.
    var added: Int64 { id.split(separator: "-").first.flatMap { Int64($0) } ?? -1 }
}
