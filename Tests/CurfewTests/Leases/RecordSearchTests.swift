import Policies
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

@Suite("the search for a record's events", .tags(.ownServer))
struct RecordSearchTests {
    private static let stream = "events"

    /// Writes entries at those times, each of one of three records; returns the ids of each record's, newest first.
    private func write(_ times: [Int64], _ redis: RedisClient) async throws -> [String: [String]] {
        var ids: [String: [String]] = [:]
        var commands: [RedisCommand] = []
        for (number, time) in times.enumerated() {
            let id = "\(time)-\(number)"
            let record = ["a", "b", "ab"][number * 7 % 3]
            // As Curfew writes them, and with the fields in another order.
            let fields =
                number % 5 == 0
                ? ["record", record, "x", "a", "cleanup", number % 2 == 0 ? "one" : "two"]
                : ["run", "a", "cleanup", number % 2 == 0 ? "one" : "two", "record", record, "key", "a"]
            commands.append(RedisCommand("XADD", [Self.stream, id] + fields))
            ids[record, default: []].insert(id, at: 0)
        }
        for reply in try await redis.pipeline(commands) { #expect(reply.error == nil) }
        return ids
    }

    private func all(
        _ search: RecordSearch, pageOf count: Int
    ) async throws -> (ids: [String], cuts: Int) {
        var (ids, cuts) = ([String](), 0)
        var before: String?
        repeat {
            let page = try await search.page(count, before: before)
            #expect(page.entries.count <= count)
            ids += page.entries.map(\.id)
            if page.isCut { cuts += 1 }
            before = page.next
        } while before != nil
        return (ids, cuts)
    }

    @Test(
        "it finds every event of the record and no other, newest first, in pages, however they lie in time",
        arguments: [0, 1, 7, 1_000_000], [1, 3, 50])
    func whole(distance: Int64, count: Int) async throws {
        try await withServerAndClient(.unixSocket) { _, redis in
            // A long pause in the middle: the parts of the stream have very different sizes.
            let times = (0..<2_000).map { 1_700_000_000_000 + Int64($0) * distance + ($0 > 1_500 ? 40_000_000 : 0) }
            let ids = try await write(times, redis)
            for record in ["a", "b", "ab", "c"] {
                let search = RecordSearch(redis, Self.stream, record: record, cleanup: nil)
                #expect(try await all(search, pageOf: count * 40).ids == ids[record] ?? [])
            }
            let one = RecordSearch(redis, Self.stream, record: "a", cleanup: "one")
            let own = try #require(ids["a"]).filter { id in
                Int(id.split(separator: "-")[1]).map { $0 % 2 == 0 } ?? false
            }
            #expect(try await all(one, pageOf: 1_000).ids == own)
        }
    }

    @Test("where it may examine no more it says so, and goes on from there", arguments: [0, 100])
    func cut(distance: Int64) async throws {
        try await withServerAndClient(.unixSocket) { _, redis in
            let ids = try await write((0..<3_000).map { 1_700_000_000_000 + Int64($0) * distance }, redis)
            let search = RecordSearch(redis, Self.stream, record: "a", cleanup: nil, most: 600)
            let found = try await all(search, pageOf: 5_000)
            #expect(found.ids == ids["a"])
            #expect(found.cuts > 0)
        }
    }

    @Test("an empty stream has nothing, and a key that is no stream is an error")
    func nothing() async throws {
        try await withServerAndClient(.unixSocket) { _, redis in
            let search = RecordSearch(redis, Self.stream, record: "a", cleanup: nil)
            let page = try await search.page(10, before: nil)
            #expect(page.entries.isEmpty && page.next == nil && page.examined == 0)
            _ = try await redis.send(RedisCommand("SET", [Self.stream, "x"]))
            await #expect(throws: CurfewError.self) { try await search.page(10, before: nil) }
        }
    }
}
