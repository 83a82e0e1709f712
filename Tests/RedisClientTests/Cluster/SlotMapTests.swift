import TestNeeds
import TestSupport
import Testing

@testable import RedisClient

@Suite("the map of a cluster", .tags(.pure))
struct SlotMapTests {
    static let asked = RedisConfiguration.Address.host("asked", port: 7000)

    private static func bulk(_ text: String) -> Frame { .bulk(Array(text.utf8)) }

    private static func node(_ host: Frame, _ port: Int64, _ rest: [Frame] = []) -> Frame {
        .array([host, .integer(port), bulk("0123456789"), .array(rest)])
    }

    private static func range(_ first: Int64, _ last: Int64, _ nodes: Frame...) -> Frame {
        .array([.integer(first), .integer(last)] + nodes)
    }

    private func map(_ frame: Frame) throws -> SlotMap {
        let reader = RESPReader(byteLimit: 1 << 20, elementLimit: 100_000)
        return try SlotMap(try #require(reader.read(frame.bytes).tape?.root(0)), from: Self.asked)
    }

    @Test("says who serves which slot, and who else there is")
    func ranges() throws {
        let map = try map(
            .array([
                Self.range(0, 99, Self.node(Self.bulk("b"), 2), Self.node(Self.bulk("c"), 3)),
                Self.range(200, 200, Self.node(Self.bulk("a"), 1)),
                Self.range(100, 150, Self.node(Self.bulk("b"), 2), Self.node(Self.bulk("a"), 1)),
            ]))
        #expect(map.owner(of: 0) == .host("b", port: 2))
        #expect(map.owner(of: 150) == .host("b", port: 2))
        #expect(map.owner(of: 151) == nil)
        #expect(map.owner(of: 200) == .host("a", port: 1))
        #expect(map.coverage == 152)
        #expect(map.primaries == [.host("b", port: 2), .host("a", port: 1)])
        #expect(map.replicas == [.host("c", port: 3)])
    }

    @Test(
        "a node without a host of its own is on the host that was asked",
        arguments: [
            (node(.null, 7001), "asked"), (node(bulk(""), 7001), "asked"), (node(bulk("?"), 7001), "asked"),
            (node(bulk("?"), 7001, [bulk("ip"), bulk("10.0.0.1")]), "10.0.0.1"),
            (node(bulk("?"), 7001, [bulk("ip")]), "asked"), (node(bulk("::1"), 7001), "::1"),
            (node(bulk("one.example"), 7001, [bulk("ip"), bulk("10.0.0.1")]), "one.example"),
        ])
    func hosts(node: Frame, host: String) throws {
        #expect(try map(.array([Self.range(0, 5, node)])).owner(of: 3) == .host(host, port: 7001))
    }

    @Test(
        "what is no map is refused",
        arguments: [
            Frame.null, .simple("OK"), .array([.integer(1)]), .array([range(5, 4, node(bulk("a"), 1))]),
            .array([range(0, 16_384, node(bulk("a"), 1))]), .array([range(-1, 4, node(bulk("a"), 1))]),
            .array([range(0, 4)]), .array([range(0, 4, node(bulk("a"), 0))]),
            .array([range(0, 4, node(bulk("a"), 65_536))]), .array([range(0, 4, .null)]),
        ])
    func refused(frame: Frame) {
        let error = #expect(throws: RedisError.self) { try map(frame) }
        #expect(error?.code == .protocolViolation)
        #expect(error?.description.hasPrefix("Redis at asked:7000: CLUSTER SLOTS: the map of the cluster") == true)
    }

    @Test("more nodes than any cluster has are refused")
    func tooMany() {
        let ranges = (0..<3000).map { Self.range(Int64($0), Int64($0), Self.node(Self.bulk("h\($0)"), 1)) }
        let error = #expect(throws: RedisError.self) { try map(.array(ranges)) }
        #expect(error?.message == "more than 2000 nodes in the map of the cluster")
    }

    @Test("an empty map covers nothing")
    func empty() throws {
        let map = try map(.array([]))
        #expect(map.coverage == 0 && map.primaries.isEmpty && map.owner(of: 0) == nil)
        #expect(map == SlotMap())
    }

    @Test("a slot that moves changes hands alone; a node without slots is no primary")
    func moves() throws {
        var map = try map(
            .array([Self.range(0, 1, Self.node(Self.bulk("a"), 1)), Self.range(2, 3, Self.node(Self.bulk("b"), 1))]))
        map.move(1, to: .host("c", port: 1))
        #expect((0...3).map { map.owner(of: $0)?.description } == ["a:1", "c:1", "b:1", "b:1"])
        map.move(0, to: .host("b", port: 1))
        #expect(map.primaries == [.host("b", port: 1), .host("c", port: 1)])
        #expect(map.coverage == 4)
    }

    @Test("random replies never trap")
    func random() {
        let seed = UInt64.random(in: 0 ... .max)
        var random = Seeded(seed)
        for _ in 0..<5_000 {
            let frame = Frame.random(using: &random)
            do {
                let map = try map(frame)
                #expect((0...RedisSlot.count).contains(map.coverage), "\(frame), seed \(seed)")
            } catch {
                #expect(error is RedisError, "\(frame), seed \(seed)")
            }
        }
    }
}

@Suite("being sent on", .tags(.pure))
struct RedirectionTests {
    static let asked = RedisConfiguration.Address.host("asked", port: 7000)

    @Test(
        "an error of a cluster says where to, or that it is too early",
        arguments: [
            ("MOVED 3999 127.0.0.1:6381", .moved(slot: 3999, to: .host("127.0.0.1", port: 6381))),
            ("MOVED 0 :6381", .moved(slot: 0, to: .host("asked", port: 6381))),
            ("MOVED 1 ?:6381", .moved(slot: 1, to: .host("asked", port: 6381))),
            ("MOVED 16383 ::1:6381", .moved(slot: 16_383, to: .host("::1", port: 6381))),
            ("ASK 3999 one.example:1", .asking(.host("one.example", port: 1))),
            ("TRYAGAIN Multiple keys request during rehashing of slot", .later),
            ("CLUSTERDOWN The cluster is down", .later), ("LOADING Redis is loading the dataset in memory", .later),
            ("MASTERDOWN Link with MASTER is down", .later), ("READONLY You can't write", .later),
        ] as [(String, Redirection)])
    func read(text: String, redirection: Redirection) {
        #expect(Redirection(RedisServerError(message: text), from: Self.asked) == redirection)
    }

    @Test(
        "anything else is an error like any other",
        arguments: [
            "", "ERR no", "MOVED", "MOVED x 1:1", "MOVED 16384 h:1", "MOVED -1 h:1", "MOVED 1 h", "MOVED 1 h:0",
            "MOVED 1 h:65536", "ASK 1 h:x", "ASK 1 h:1 x", "WRONGTYPE no", "moved 1 h:1", "CROSSSLOT Keys",
        ])
    func others(text: String) {
        #expect(Redirection(RedisServerError(message: text), from: Self.asked) == nil)
    }
}
