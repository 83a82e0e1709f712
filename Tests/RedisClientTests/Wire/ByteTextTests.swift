import Foundation
import NIOCore
import TestNeeds
import Testing

@testable import RedisClient

@Suite("text held by its bytes", .tags(.pure))
struct ByteTextTests {
    /// Texts that Swift takes for the same, and Redis doesn't.
    static let pairs = [
        ("caf\u{E9}", "cafe\u{301}"), ("\u{AC00}", "\u{1100}\u{1161}"), ("\u{C5}", "\u{212B}"),
        ("a\u{323}\u{307}", "a\u{307}\u{323}"), ("\u{2126}", "\u{3A9}"),
    ]

    @Test("any bytes come back as they were, and the same bytes are the same text")
    func roundTrip() {
        let all = (0...255).map(UInt8.init)
        #expect(ByteText.bytes(of: ByteText.held(all)) == all)
        for byte in all { #expect(ByteText.bytes(of: ByteText.held([byte])) == [byte]) }
        #expect(Set(all.map { ByteText.held([$0]) }).count == 256)
        #expect(ByteText.held(Array("plain".utf8)) == "plain")
    }

    @Test("what differs in its normal form only is two texts", arguments: pairs)
    func normalForms(one: String, other: String) {
        #expect(one == other)
        #expect(one.held != other.held && Set([one.held, other.held]).count == 2)
        #expect(one.held.readable == one && Array(other.held.readable.utf8) == Array(other.utf8))
    }

    @Test("a genuine U+10FFE9 is four bytes, and no byte E9")
    func genuine() {
        let text = "\u{10FFE9}"
        #expect(text.held.unicodeScalars.count == 4 && text.held != text)
        #expect(text.held.readable == text)
    }

    @Test("our own words between stay what they are, and what is no UTF-8 shows as U+FFFD")
    func readable() {
        let text = "“\("é".held)” … \(ByteText.held([0xE9]))–"
        #expect(text.readable == "“é” … \u{FFFD}–")
        #expect(text.readable.readable == text.readable)
        #expect(ByteText.readable(text.utf8) == Array("“é” … \u{FFFD}–".utf8))
    }

    @Test("JSON that is read back loses nothing and is valid JSON")
    func json() throws {
        let texts = ["é".held, "\u{10FFE9}".held, ByteText.held([0xE9, 0x22, 0xFF, 0x5C]), "e\u{301}\r\n".held, "“–"]
        let written = ByteText.json(try JSONEncoder().encode(texts))
        #expect(String(validating: written, as: UTF8.self) != nil)
        let plain = try JSONDecoder().decode([String].self, from: Data(written))
        #expect(Array(plain[0].utf8) == Array("é".utf8) && plain[1] == "\u{10FFE9}")
        let read = try JSONDecoder().decode([String].self, from: Data(ByteText.heldJSON(written)))
        #expect(read.map { ByteText.bytes(of: $0) } == texts.map { ByteText.bytes(of: $0) })
    }

    @Test(
        "escapes in JSON from outside stand for the bytes of what they mean",
        arguments: [
            (#""\u00e9""#, "é"), (#""\u0065\u0301""#, "e\u{301}"), (#""\ud83d\ude00 \\u00e9""#, #"😀 \u00e9"#),
            (#""\u0041\n\"""#, "A\n\""),
        ])
    func escapes(json: String, text: String) throws {
        let data = Data(ByteText.heldJSON(json.utf8))
        let read = try JSONDecoder().decode(String.self, from: data)
        #expect(ByteText.bytes(of: read) == Array(text.utf8))
    }

    @Test("a command carries the bytes that its words hold, with their number")
    func command() {
        let command = RedisCommand("GET", [ByteText.held([0xE9, 0x0D, 0x0A]), "é".held, "é"])
        let expected = Array("*4\r\n$3\r\nGET\r\n$3\r\n".utf8) + [0xE9, 0x0D, 0x0A] + Array("\r\n".utf8)
        let rest = Array("$2\r\né\r\n$2\r\né\r\n".utf8)
        #expect(Array(command.encoded.readableBytesView) == expected + rest)
    }

    @Test("a key falls into the slot of its bytes", arguments: ["{•}é", "job:é", "\u{10FFE9}"])
    func slot(key: String) {
        let bytes = Array(key.utf8)
        #expect(RedisSlot.of(key.held) == RedisSlot.of(bytes[...]))
    }
}
