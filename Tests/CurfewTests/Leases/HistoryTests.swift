import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

@Suite("history", .tags(.ownServer))
struct HistoryTests {
    @Test("that a stream was begun anew is told from entries that were deleted, and from a stream that isn't there")
    func begunAnew() async throws {
        try await withServerAndClient { _, redis in
            let history = History(redis: redis)
            try await history.checkGoesOn("s", behind: "7-1")
            for id in ["7-0", "7-1"] { try await redis.send(RedisCommand("XADD", ["s", id, "a", "b"])) }
            try await redis.send(RedisCommand("XDEL", ["s", "7-1"]))
            try await history.checkGoesOn("s", behind: "7-1")
            try await redis.send(RedisCommand("DEL", ["s"]))
            try await history.checkGoesOn("s", behind: "7-1")
            try await redis.send(RedisCommand("XADD", ["s", "7-0", "a", "b"]))
            let error = await #expect(throws: CurfewError.self) { try await history.checkGoesOn("s", behind: "7-1") }
            #expect(error?.message.hasPrefix("s was begun anew: 7-1 was read, and the last id") == true)
            try await redis.send(RedisCommand("XADD", ["s", "18446744073709551615-0", "a", "b"]))
            try await history.checkGoesOn("s", behind: "7-1")
        }
    }
}
