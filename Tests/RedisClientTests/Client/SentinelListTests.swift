import NIOCore
import TestNeeds
import Testing

@testable import RedisClient

@Suite("the Sentinels that are known", .tags(.pure))
struct SentinelListTests {
    private func address(_ number: Int) -> RedisConfiguration.Address { .host("s\(number)", port: 26379) }

    private func names(_ list: SentinelList) -> [String] {
        list.addresses.map { String("\($0)".prefix { $0 != ":" }) }
    }

    @Test("who answered comes first, who failed comes last")
    func order() {
        var list = SentinelList(seeds: [address(1), address(2), address(3)])
        list.failed(address(1))
        #expect(names(list) == ["s2", "s3", "s1"])
        list.answered(address(3))
        #expect(names(list) == ["s3", "s2", "s1"])
        list.answered(address(9))
        #expect(names(list) == ["s3", "s2", "s1"])
    }

    @Test("others are learned, and forgotten when they are known no more; the configuration's stay")
    func learning() {
        var list = SentinelList(seeds: [address(1), address(2)])
        list.learn([address(2), address(3), address(4)], from: address(1))
        #expect(names(list) == ["s1", "s2", "s3", "s4"])
        list.answered(address(4))
        list.learn([address(5)], from: address(4))
        #expect(names(list) == ["s4", "s1", "s2", "s5"])
    }

    @Test("no more are kept than anybody has")
    func limit() {
        var list = SentinelList(seeds: [address(0)])
        list.learn((1...1000).map(address), from: address(0))
        #expect(list.addresses.count == SentinelList.limit)
    }
}

@Suite("what a Sentinel answers", .tags(.pure))
struct SentinelAnswerTests {
    private func bulk(_ text: String) -> Frame { .bulk(Array(text.utf8)) }

    private func answer(_ frames: Frame...) throws -> SentinelAnswer {
        let reader = RESPReader(byteLimit: 1 << 20, elementLimit: 1 << 10)
        let output = reader.read(ByteBuffer(bytes: frames.flatMap(\.bytes)))
        return try SentinelAnswer(output.tape?.roots ?? [], about: "main", from: "s:1")
    }

    @Test("the primary and the other Sentinels are read, whatever else is said of them")
    func whole() throws {
        let sentinel = Frame.array(["name", "x", "ip", "db.example", "port", "26380", "runid", "y"].map(bulk))
        let answer = try answer(.array([bulk("10.0.0.1"), bulk("6379")]), .array([sentinel, .array([bulk("ip")])]))
        #expect(answer.primary == .host("10.0.0.1", port: 6379))
        #expect(answer.others == [.host("db.example", port: 26380)])
    }

    @Test("that the others are a secret is no harm")
    func secret() throws {
        let primary = Frame.array([bulk("h"), bulk("1")])
        #expect(try answer(primary, .failure("NOPERM no")).others == nil)
        #expect(try answer(primary).others == nil)
    }

    @Test(
        "an answer that is of no use says why",
        arguments: [
            (Frame.nullArray, "it has no primary named “main” (SENTINEL MASTERS lists its primaries)"),
            (.failure("ERR unknown command 'SENTINEL'"), "this is not a Sentinel (“ERR unknown command 'SENTINEL'”)"),
            (.failure("NOPERM no"), "it refuses to answer (“NOPERM no”)"),
            (.array([.integer(1)]), "its answer “[1]” is not an address"),
            (.array([.simple("h"), .simple("0")]), "its answer “[\"h\", \"0\"]” is not an address"),
            (.array([.simple(""), .simple("1")]), "its answer “[\"\", \"1\"]” is not an address"),
        ]
    )
    func useless(frame: Frame, message: String) {
        let error = #expect(throws: RedisError.self) { try answer(frame) }
        #expect(error?.message == message)
        #expect(error?.address == "s:1")
    }
}
