import TestNeeds
import TestSupport
import Testing

@testable import RedisClient

@Suite("limits of replies", .tags(.pure), .timeLimit(.minutes(4)))
struct RESPLimitTests {
    private func failure(_ text: String, bytes: Int = 1000, elements: Int = 100) -> String? {
        RESPReader(byteLimit: bytes, elementLimit: elements).read(text.utf8).failure
    }

    private static let tooLong = "(error) TOOLARGE a reply has more than 1000 bytes"

    /// What comes out of a text that is fed in pieces of a size.
    private func replies(_ text: String, in piece: Int, _ reader: RESPReader) -> [String] {
        let bytes = Array(text.utf8)
        return stride(from: 0, to: bytes.count, by: piece).flatMap { start in
            let output = reader.read(bytes[start..<min(start + piece, bytes.count)])
            #expect(output.failure == nil)
            return output.tape?.roots.map(\.description) ?? []
        }
    }

    @Test("a bulk as large as the limit passes, one of a byte more is an error, and what follows is read")
    func bulkLimit() {
        let reader = RESPReader(byteLimit: 10_000, elementLimit: 1)
        #expect(reader.read(Frame.bulk(Array(repeating: 65, count: 10_000)).bytes).tape?.root(0).bytes?.count == 10_000)
        let output = reader.read(Frame.bulk(Array(repeating: 65, count: 10_001)).bytes + Array(":7\r\n".utf8))
        #expect(
            output.tape?.roots.map(\.description) == [
                "(error) TOOLARGE a value has 10001 bytes: expected at most 10000", "7",
            ])
    }

    @Test("what is too large is never held, however it arrives", arguments: [1, 7, 1_000, 1_024, 4_096, 100_000])
    func bulkPassedOver(piece: Int) {
        let reader = RESPReader(byteLimit: 1_000, elementLimit: 100)
        let long = String(repeating: "x", count: 99_999)
        let text = "*3\r\n$1\r\na\r\n$99999\r\n\(long)\r\n$5\r\n\r\n$9\r\r\n:7\r\n$99999\r\n\(long)\r\n+OK\r\n"
        let error = "(error) TOOLARGE a value has 99999 bytes: expected at most 1000"
        #expect(replies(text, in: piece, reader) == [error, "7", error, "\"OK\""])
    }

    @Test("a value of gigabytes is passed over as it comes")
    func bulkNeverWhole() {
        let reader = RESPReader(byteLimit: 1_000, elementLimit: 1)
        #expect(reader.read("$4294967296\r\n".utf8).failure == nil)
        let piece = Array(repeating: UInt8(ascii: "x"), count: 1 << 20)
        for _ in 0..<8 {
            let output = reader.read(piece)
            #expect(output.failure == nil && output.tape == nil)
        }
    }

    @Test("many small strings count together")
    func sumOfBytes() {
        let text =
            "*90\r\n" + String(repeating: "$100\r\n\(String(repeating: "x", count: 100))\r\n", count: 90) + ":1\r\n"
        let reader = RESPReader(byteLimit: 1_000, elementLimit: 100)
        #expect(replies(text, in: 4_096, reader) == [Self.tooLong, "1"])
        #expect(RESPReader(byteLimit: 20_000, elementLimit: 100).read(text.utf8).tape?.root(0).count == 90)
    }

    @Test("all larger values of a request count together, and those of the next count anew")
    func sumOfRequest() {
        let reader = RESPReader(byteLimit: 16 << 20, elementLimit: 10)
        let large = Frame.bulk(Array(repeating: 65, count: 1 << 20)).bytes
        func kinds(_ count: Int) -> [RedisValue.Kind] {
            (0..<count).map { _ in reader.read(large).tape?.root(0).kind ?? .null }
        }
        reader.limit(to: .record, isNew: true)
        #expect(kinds(9) == Array(repeating: .string, count: 8) + [.error])
        #expect(reader.read(Frame.bulk(Array(repeating: 65, count: 1_024)).bytes).tape?.root(0).kind == .string)
        reader.limit(to: .record, isNew: true)
        #expect(kinds(1) == [.string])
        reader.limit(to: .usual, isNew: false)
        #expect(kinds(9) == Array(repeating: .string, count: 9))
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
        func time(_ count: Int) throws -> Duration {
            let bytes = Frame.array(Array(repeating: .bulk(Array("0123456789".utf8)), count: count)).bytes
            // The quickest of three: others share the processor's caches.
            let times = try (0..<3).map { _ in
                let reader = RESPReader(byteLimit: 1 << 30, elementLimit: 1 << 21)
                return try processorTime {
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
