import RedisClient
import TestNeeds
import TestSupport
import Testing

@Suite("the slot of a key", .tags(.ownServer), .timeLimit(.minutes(5)))
struct RedisSlotTests {
    @Test(
        "published values",
        arguments: [
            ("", 0), ("123456789", 12_739), ("foo", 12_182), ("bar", 5_061), ("hello", 866), ("somekey", 11_058),
            ("foo{hash_tag}", 2_515), ("bar{hash_tag}", 2_515), ("hash_tag", 2_515),
        ])
    func published(key: String, slot: Int) {
        #expect(RedisSlot.of(key) == slot)
    }

    @Test(
        "what stands between the first { and the next } counts alone, if it is anything",
        arguments: [
            ("{user1000}.following", "user1000"), ("x{a}{b}", "a"), ("foo{{bar}}zap", "{bar"), ("a}b{c}d", "c"),
            ("{•}é", "•"),
        ])
    func tags(key: String, hashed: String) {
        #expect(RedisSlot.of(key) == RedisSlot.of("{\(hashed)}"))
    }

    @Test("an empty tag counts for nothing: the whole key does")
    func emptyTag() {
        #expect(RedisSlot.of("foo{}{bar}") != RedisSlot.of("bar"))
        #expect(RedisSlot.of("foo{}1") != RedisSlot.of("foo{}2"))
    }

    @Test("random keys fall where the server says", .enabled(if: RedisServer.hasFunctions))
    func server() async throws {
        let seed = UInt64.random(in: 0 ... .max)
        var random = Seeded(seed)
        let alphabet = Array("ab{}:•")
        let keys = (0..<2_000).map { _ in
            String(
                (0..<Int.random(in: 0...12, using: &random)).map { _ in
                    alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
                })
        }
        let clustered = ["--cluster-enabled", "yes", "--cluster-port", "\(try freePort())"]
        try await withServerAndClient(arguments: clustered) { _, client in
            let answers = try await client.pipeline(keys.map { RedisCommand("CLUSTER", ["KEYSLOT", $0]) })
            for (key, answer) in zip(keys, answers) {
                #expect(answer.integer == Int64(RedisSlot.of(key)), "“\(key)”, seed \(seed)")
            }
        }
    }
}
