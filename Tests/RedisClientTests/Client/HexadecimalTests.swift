import TestNeeds
import Testing

@testable import RedisClient

@Suite("hexadecimal and percent-encoding", .tags(.pure))
struct HexadecimalTests {
    @Test("bytes and numbers keep their leading zeros")
    func zeros() {
        #expect([0, 10, 255].map(UInt8.init).hexadecimal == "000aff")
        #expect([UInt8]().hexadecimal.isEmpty)
        #expect(UInt64(0xAB).hexadecimal == "00000000000000ab")
    }

    @Test("text is encoded by its bytes, and decoded to the same")
    func round() {
        let text = "a/b é%".held + ByteText.held([0xE9])
        #expect(PercentEncoding.encoded(text, keeping: "/") == "a/b%20%C3%A9%25%E9")
        #expect(PercentEncoding.decoded(PercentEncoding.encoded(text).utf8).map(ByteText.held) == text)
    }

    @Test(
        "a % with nothing behind it stands for itself where that is allowed, and for nothing elsewhere",
        arguments: ["%", "%4", "%4g", "%+1"])
    func malformed(_ text: String) {
        #expect(PercentEncoding.decoded(text.utf8) == nil)
        #expect(PercentEncoding.decoded(text.utf8, isLenient: true) == Array(text.utf8))
    }
}
