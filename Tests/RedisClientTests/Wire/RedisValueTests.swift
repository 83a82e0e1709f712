import TestNeeds
import Testing

@testable import RedisClient

@Suite("reading a reply", .tags(.pure))
struct RedisValueTests {
    private func value(_ frame: Frame) throws -> RedisValue {
        try #require(RESPReader(byteLimit: 1 << 16, elementLimit: 1000).read(frame.bytes).tape?.root(0))
    }

    private func bulk(_ text: String) throws -> RedisValue {
        try value(.bulk(Array(text.utf8)))
    }

    @Test("a string that is a number can be read as one")
    func numbers() throws {
        #expect(try bulk("42").integer == 42)
        #expect(try bulk("-9223372036854775808").integer == .min)
        #expect(try bulk("4.5").double == 4.5)
        #expect(try bulk("inf").double == .infinity)
        #expect(try value(.integer(7)).double == 7)
        #expect(try value(.integer(7)).string == "7")
    }

    @Test("what is not a number is not read as one", arguments: ["", " 1", "1 ", "1.0", "0x10", "9223372036854775808"])
    func notNumbers(text: String) throws {
        #expect(try bulk(text).integer == nil)
    }

    @Test("bytes that are not UTF-8 are a string that holds them")
    func notUTF8() throws {
        let value = try value(.bulk([0xff, 0xfe]))
        #expect(value.string == "\u{10FFFF}\u{10FFFE}" && value.string?.readable == "\u{FFFD}\u{FFFD}")
        #expect(value.bytes == [0xff, 0xfe])
        #expect(value.integer == nil)
    }

    @Test("names and values in turn are read as such, without a name that has no value")
    func fields() throws {
        let list = try value(.array(["ok", "a", "1", "b", "2", "a", "3", "c"].map { .bulk(Array($0.utf8)) }))
        #expect(list.fields(from: 1).map { $0.name.string } == ["a", "b", "a"])
        #expect(list.pairs.map(\.1) == ["a", "b", "a", "c"])
        let flat = try value(.array(["a", "1", "b", "2", "a", "3", "c"].map { .bulk(Array($0.utf8)) }))
        #expect(flat.texts == ["a": "1", "b": "2"])
        #expect(flat.field("b")?.integer == 2 && flat.field("c") == nil)
        #expect(try bulk("a").fields().isEmpty && value(.array([])).fields(from: 1).isEmpty)
    }

    @Test("an error is an error and no string")
    func errors() throws {
        let value = try value(.failure("NOSCRIPT No matching script."))
        #expect(value.string == nil && value.bytes == nil && value.integer == nil && value.count == 0)
        #expect(value.error?.code == "NOSCRIPT")
        #expect(value.error?.description == "NOSCRIPT No matching script.")
    }

    @Test(
        "the code of an error is its first word where that is in capitals",
        arguments: [("ERR no", "ERR"), ("OOM", "OOM"), ("", "ERR"), ("Protocol error", "ERR"), ("MY_2ND x", "MY_2ND")]
    )
    func codes(message: String, code: String) {
        #expect(RedisServerError(message: message).code == code)
    }

    @Test("what is not there reads as null")
    func outOfRange() throws {
        let value = try value(.array([.integer(1)]))
        #expect(value[0].integer == 1)
        #expect(value[1].isNull && value[-1].isNull && value[0][0].isNull && value[5][5][5].isNull)
        #expect(RedisValue.null.isNull && RedisValue.null.elements.isEmpty)
        #expect(value.string == nil && value.error == nil)
    }

    @Test("replies are equal when they say the same")
    func equality() throws {
        for first in Frame.table {
            for second in Frame.table {
                let (left, right) = (try value(first), try value(second))
                #expect((left == right) == (left.description == right.description), "\(first) and \(second)")
            }
        }
    }
}
