import TestNeeds
import TestSupport
import Testing

@testable import RedisClient

@Suite("the key that a command is routed by", .tags(.pure))
struct RedisCommandSlotTests {
    static let table: [(String, String?)] = [
        ("GET key", "key"), ("get key", "key"), ("HMGET key a b", "key"), ("SET key value", "key"), ("DEL a b c", "a"),
        ("MSET a 1 b 2", "a"), ("ZRANGEBYSCORE z -inf 5 LIMIT 0 10", "z"), ("TYPE key", "key"), ("DUMP key", "key"),
        ("FCALL curfew_tick 2 {c}:schedule {c}:fence x", "{c}:schedule"), ("FCALL f 0", nil), ("FCALL f 0 x y", nil),
        ("FCALL_RO f 10 k0 k1", "k0"), ("EVAL script 1 key a", "key"),
        ("EVALSHA abc 0", nil), ("XADD s * f v", "s"), ("XREAD COUNT 5 BLOCK 100 STREAMS s1 s2 0 0", "s1"),
        ("XREAD streams s 0", "s"), ("XREADGROUP GROUP STREAMS me COUNT 1 STREAMS s >", "s"),
        ("XREADGROUP GROUP g STREAMS STREAMS s >", "s"), ("XREAD COUNT 5", nil), ("XGROUP CREATE s g $", "s"),
        ("XINFO STREAM s", "s"), ("OBJECT ENCODING key", "key"), ("MEMORY USAGE key", "key"), ("MEMORY DOCTOR", nil),
        ("BITOP AND dest a b", "dest"), ("ZUNION 2 a b", "a"), ("SINTERCARD 2 a b", "a"), ("BLMPOP 5 2 a b LEFT", "a"),
        ("MIGRATE host 1 key 0 5", "key"), ("TIME", nil), ("PING", nil), ("INFO memory", nil), ("CONFIG GET save", nil),
        ("SCAN 0 MATCH a*", nil), ("PUBLISH channel text", nil), ("FUNCTION LOAD REPLACE code", nil), ("DBSIZE", nil),
        ("CLUSTER SLOTS", nil), ("SLOWLOG GET", nil), ("GET", nil), ("FCALL f", nil), ("FCALL", nil), ("XREAD", nil),
    ]

    @Test("every kind of command has it in its own place", arguments: table)
    func place(text: String, key: String?) throws {
        let words = text.split(separator: " ").map(String.init)
        let command = RedisCommand(words[0], Array(words.dropFirst()))
        #expect(command.key.map { String(decoding: $0, as: UTF8.self) } == key)
        #expect(command.slot == key.map(RedisSlot.of))
    }

    @Test("keys are bytes of any kind")
    func bytes() {
        for key in [[], [0, 13, 10, 255], Array("a\r\n$3\r\nb".utf8), Array(repeating: 0x2e, count: 1 << 17)]
            as [[UInt8]]
        {
            var command = RedisCommand("HGET")
            command.append(key)
            command.append("field")
            #expect(command.key.map(Array.init) == key)
            #expect(command.slot == RedisSlot.of(key[...]))
        }
    }

    @Test("a command of random words never traps, and its key is one of them")
    func random() {
        let seed = UInt64.random(in: 0 ... .max)
        var random = Seeded(seed)
        let vocabulary = [
            "FCALL", "XREAD", "XREADGROUP", "STREAMS", "ZUNION", "BLMPOP", "MIGRATE", "OBJECT", "GET", "PING", "0", "1",
            "-1", "", "99999999999999999999", "\r\n", "$5", "key",
        ]
        for _ in 0..<20_000 {
            let words = (0..<Int.random(in: 0...7, using: &random)).map { _ in
                vocabulary[Int.random(in: 0..<vocabulary.count, using: &random)]
            }
            var command = RedisCommand(capacity: 64)
            for word in words { command.append(word) }
            if let key = command.key {
                #expect(words.dropFirst().contains(String(decoding: key, as: UTF8.self)), "\(words), seed \(seed)")
            }
        }
    }
}
