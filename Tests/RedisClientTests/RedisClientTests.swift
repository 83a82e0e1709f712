import Logging
import RedisClient
import TestSupport
import Testing

@Suite("a client of a real server", .timeLimit(.minutes(1)))
struct RedisClientTests {
    @Test("a value that is set can be got")
    func setAndGet() async throws {
        try await withServerAndClient { _, client in
            let set = try await client.send(RedisCommand("SET", ["key", "value"]))
            #expect(set.string == "OK")
            #expect(try await client.send(RedisCommand("GET", ["key"])).string == "value")
            #expect(try await client.send(RedisCommand("GET", ["nothing"])).isNull)
        }
    }
}
