import Foundation
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

/// What discover asks a server, by the server's own account.
@Suite("discover reads little", .tags(.cluster))
struct DiscoveryReadingTests {
    private static func discover(_ redis: RedisClient) async throws -> Proposal {
        var discovery = try await Discovery(redis)
        return try await discovery.run(for: "redis: redis://127.0.0.1")
    }

    /// The calls of each command so far.
    private static func calls(_ redis: RedisClient) async throws -> [String: Int] {
        let text = try await redis.send(RedisCommand("INFO", ["commandstats"])).string ?? ""
        var calls: [String: Int] = [:]
        for match in text.matches(of: /cmdstat_([^:]+):calls=(\d+)/) {
            calls[String(match.output.1)] = Int(match.output.2)
        }
        return calls
    }

    private static func sent(_ redis: RedisClient) async throws -> Int {
        let text = try await redis.send(RedisCommand("INFO", ["stats"])).string ?? ""
        return text.firstMatch(of: /total_net_output_bytes:(\d+)/).flatMap { Int($0.output.1) } ?? 0
    }

    @Test("only commands that read are sent, never KEYS, and the keyspace is as it was")
    func onlyReads() async throws {
        try await withServerAndClient { _, redis in
            for number in 0..<300 {
                _ = try await redis.pipeline([
                    RedisCommand("HSET", ["job:\(number)", "status", "RUNNING", "startedAt", "1790000000"]),
                    RedisCommand("RPUSH", ["job:\(number):log", "a", "b"]), RedisCommand("SADD", ["s:\(number)", "1"]),
                    RedisCommand("ZADD", ["z", "1790000000", "\(number)"]),
                    RedisCommand("XADD", ["x:\(number)", "*", "a", "b"]), RedisCommand("SET", ["t:\(number)", "{}"]),
                ])
            }
            let before = try await Self.calls(redis)
            let writes = try await redis.send(RedisCommand("INFO", ["persistence"]))
                .infoField("rdb_changes_since_last_save")
            _ = try await Self.discover(redis)
            let after = try await Self.calls(redis)
            let new = after.filter { $0.value > before[$0.key] ?? 0 }.map(\.key)
            let known: Set = [
                "scan", "type", "pttl", "hlen", "memory|usage", "hgetall", "strlen", "getrange", "llen", "lrange",
                "scard", "srandmember", "zcard", "zrange", "xlen", "xrange", "xinfo|groups", "exists", "hget", "dbsize",
                "time", "info", "memory", "xinfo",
            ]
            #expect(Set(new).subtracting(known) == [])
            let later = try await redis.send(RedisCommand("INFO", ["persistence"]))
                .infoField("rdb_changes_since_last_save")
            #expect(writes == later)
        }
    }

    @Test("of large values only little is sent")
    func large() async throws {
        try await withServerAndClient { _, redis in
            let large = String(repeating: "x", count: 2_000_000)
            let filler = (0..<5_000).flatMap { ["f\($0)", "v"] }
            for number in 0..<12 {
                _ = try await redis.pipeline([
                    RedisCommand(
                        "HSET", ["job:\(number)", "status", "RUNNING", "startedAt", "1790000000", "data", large]),
                    RedisCommand("HSET", ["all:\(number)"] + filler), RedisCommand("SET", ["text:\(number)", large]),
                    RedisCommand("RPUSH", ["list:\(number)", large]), RedisCommand("SADD", ["set:\(number)", large]),
                ])
            }
            let before = try await Self.sent(redis)
            let proposal = try await Self.discover(redis)
            #expect(try await Self.sent(redis) - before < 2_000_000)
            let job = try #require(proposal.answer.shapes.first { $0.template == "job:<id>" })
            #expect(job.status == "status" && job.fields?.count == 3)
        }
    }

    @Test("in a cluster the keys of all primaries are looked at")
    func cluster() async throws {
        try await withClusterAndClient { _, redis in
            for number in 0..<200 {
                _ = try await redis.pipeline([
                    RedisCommand("HSET", ["job:\(number)", "status", "RUNNING", "startedAt", "1790000000"]),
                    RedisCommand("ZADD", ["jobs:deadlines", "1790000000000", "\(number)"]),
                ])
            }
            let proposal = try await Self.discover(redis)
            #expect(proposal.answer.scanned == 201)
            #expect(proposal.answer.registries.first?.records == "job:<id>")
        }
    }
}
