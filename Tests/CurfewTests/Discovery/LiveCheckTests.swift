import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

@Suite("config check asks Redis", .tags(.ownServer))
struct LiveCheckTests {
    private static func doubts(_ cleanups: String, _ commands: [[String]]) async throws -> [String] {
        try await withServerAndClient { _, redis in
            for reply in try await redis.pipeline(commands.map { RedisCommand($0[0], Array($0.dropFirst())) }) {
                #expect(reply.error == nil)
            }
            let text = "redis: redis://localhost\ncleanups:\n  a: {\(cleanups)}"
            let file = try Configuration.parse(text, file: "c.yaml", environment: [:])
            var check = LiveCheck(file, redis)
            return try await check.doubts(file: "c.yaml").map(\.description)
        }
    }

    private static let stuck =
        "policy: stuck, every: 1m, states: [r], timeout: 1m, to: F, since: [at], records: job:<id>"
    private static let jobs = (0..<5).map { ["HSET", "job:\($0)", "status", "r", "worker", "w"] }
    private static let texts = (0..<5).map { ["SET", "job:\($0)", #"{"status":"r"}"#] }

    @Test(
        "templates without a key and the wrong format are said, with what is there",
        arguments: [
            ("\(stuck)", jobs, nil), ("\(stuck), format: json", texts, nil),
            (
                "\(stuck)", [["HSET", "jobs:1", "a", "b"]],
                "cleanups.a.records: no key in Redis is like “job:<id>”, did you mean “jobs:<id>”?"
            ),
            ("\(stuck)", texts, "is a text with JSON: expected format: json"),
            ("\(stuck), format: json", jobs, "is a hash: expected a string (format is json)"),
            ("\(stuck)", [["RPUSH", "job:1", "x"]], "cleanups.a.format: job:1 is a list: expected a hash"),
            (
                "\(stuck), alive: \"w:<worker>:alive\"", jobs,
                "cleanups.a.alive: no key in Redis is like “w:<worker>:alive”"
            ),
            ("\(stuck), alive: \"w:<worker>:alive\"", jobs + [["SET", "w:w:alive", "1"]], nil),
            ("policy: locks, every: 1m, timeout: 1m, records: \"l:<id>\"", [["SET", "l:1", "x"]], nil),
            ("\(stuck)", [], nil),
        ])
    func found(_ cleanup: String, _ commands: [[String]], _ expected: String?) async throws {
        let doubts = try await Self.doubts(cleanup, commands)
        guard let expected else {
            #expect(doubts.isEmpty)
            return
        }
        #expect(doubts.count == 1 && doubts.first?.contains(expected) == true, "\(doubts)")
    }
}
