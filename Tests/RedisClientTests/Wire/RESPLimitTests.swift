import Testing

@testable import RedisClient

@Suite("limits of replies", .timeLimit(.minutes(4)))
struct RESPLimitTests {
    private func failure(_ text: String, bytes: Int = 1000, elements: Int = 100) -> String? {
        RESPReader(byteLimit: bytes, elementLimit: elements).read(text.utf8).failure
    }

    @Test("a bulk as large as the limit passes, one byte more does not")
    func bulkLimit() {
        let reader = RESPReader(byteLimit: 10_000, elementLimit: 1)
        #expect(reader.read(Frame.bulk(Array(repeating: 65, count: 9_980)).bytes).failure == nil)
        let output = reader.read(Frame.bulk(Array(repeating: 65, count: 10_001)).bytes)
        #expect(output.failure == "a reply is larger than the limit of bytes")
    }

    @Test("a large reply is refused while it arrives, not when it is whole")
    func bulkRefusedEarly() {
        let text = "$500000000\r\n" + String(repeating: "x", count: 9_000)
        #expect(failure(text) == "a reply is larger than the limit of bytes")
        #expect(failure("$500000000\r\n") == nil)
    }

    @Test("many small strings count together")
    func sumOfBytes() {
        let text = "*90\r\n" + String(repeating: "$100\r\n\(String(repeating: "x", count: 100))\r\n", count: 90)
        #expect(failure(text) == "a reply is larger than the limit of bytes")
        #expect(failure(text, bytes: 20_000) == nil)
    }

    @Test("replies are limited one by one")
    func everyReplyAnew() {
        #expect(failure(String(repeating: "*90\r\n" + String(repeating: ":1\r\n", count: 90), count: 50)) == nil)
        #expect(failure(String(repeating: "$900\r\n\(String(repeating: "x", count: 900))\r\n", count: 50)) == nil)
    }

    @Test(
        "announced elements are refused before they get memory",
        arguments: ["*2147483647\r\n", "*100\r\n", "*50\r\n*50\r\n", "*2\r\n:1\r\n*98\r\n"]
    )
    func announcedElements(text: String) {
        #expect(failure(text) == "a reply has more elements than the limit")
    }

    @Test("as many elements as the limit pass")
    func elementLimit() {
        #expect(failure("*99\r\n" + String(repeating: ":1\r\n", count: 99)) == nil)
    }

    @Test("negative and absurd lengths are refused", arguments: ["*-2\r\n", "$-2\r\n", "*99999999999999999999\r\n"])
    func absurdLengths(text: String) {
        #expect(failure(text) != nil)
    }

    @Test("a line without an end is refused")
    func endlessLine() {
        let text = "+" + String(repeating: "x", count: 80_000)
        #expect(failure(text, bytes: 1 << 20) == "a line without an end")
    }

    @Test("eight arrays within each other pass, nine do not")
    func nesting() {
        #expect(RESPReader(byteLimit: 1000, elementLimit: 100).read(Frame.deep(8).bytes).failure == nil)
        #expect(RESPReader(byteLimit: 1000, elementLimit: 100).read(Frame.deep(9).bytes).failure != nil)
        #expect(failure(String(repeating: "*1\r\n", count: 100_000)) != nil)
    }

    @Test(
        "types of RESP3 are refused",
        arguments: [
            "%1\r\n:1\r\n:2\r\n", "~1\r\n:1\r\n", ">1\r\n:1\r\n", ",1.5\r\n", "#t\r\n", "=5\r\ntxt:a\r\n", "(1\r\n",
        ]
    )
    func newerTypes(text: String) {
        #expect(failure(text) != nil)
    }

    @Test("hundreds of thousands of values are decoded in time that grows with their number")
    func large() throws {
        let clock = ContinuousClock()
        func time(_ count: Int) throws -> Duration {
            let bytes = Frame.array(Array(repeating: .bulk(Array("0123456789".utf8)), count: count)).bytes
            // The quickest of three: others want the processor too.
            let times = try (0..<3).map { _ in
                let reader = RESPReader(byteLimit: 1 << 30, elementLimit: 1 << 21)
                return try clock.measure {
                    let value = try #require(reader.read(bytes).tape?.root(0))
                    #expect(value.count == count && value[count - 1].string == "0123456789")
                }
            }
            return times.min() ?? .zero
        }
        let (small, big) = (try time(60_000), try time(600_000))
        #expect(big < small * 10 * 6, "quadratic: \(small) for 60,000, \(big) for 600,000")
    }
}
