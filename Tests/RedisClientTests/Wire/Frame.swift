import TestSupport

@testable import RedisClient

/// A reply as a server would mean it: the oracle that decoded values are compared with.
indirect enum Frame: Sendable, CustomStringConvertible {
    case bulk([UInt8])
    case simple(String)
    case failure(String)
    case integer(Int64)
    case null
    case nullArray
    case array([Frame])

    /// The frame on the wire.
    var bytes: [UInt8] {
        switch self {
        case .bulk(let bytes): Array("$\(bytes.count)\r\n".utf8) + bytes + Array("\r\n".utf8)
        case .simple(let text): Array("+\(text)\r\n".utf8)
        case .failure(let text): Array("-\(text)\r\n".utf8)
        case .integer(let number): Array(":\(number)\r\n".utf8)
        case .null: Array("$-1\r\n".utf8)
        case .nullArray: Array("*-1\r\n".utf8)
        case .array(let elements): Array("*\(elements.count)\r\n".utf8) + elements.flatMap(\.bytes)
        }
    }

    /// Whether a decoded value is this frame, through every accessor.
    func isMeant(by value: RedisValue) -> Bool {
        switch self {
        case .bulk(let bytes):
            return value.kind == .string && value.bytes == bytes
                && value.string.map { ByteText.bytes(of: $0) } == bytes
        case .simple(let text):
            return value.kind == .string && value.string == text
        case .failure(let text):
            return value.kind == .error && value.error == RedisServerError(message: text)
        case .integer(let number):
            return value.kind == .integer && value.integer == number && value.string == String(number)
        case .null, .nullArray:
            return value.isNull
        case .array(let elements):
            let values = value.elements
            return value.kind == .array && value.count == elements.count
                && zip(elements, values).allSatisfy { $0.isMeant(by: $1) }
                && elements.indices.allSatisfy { elements[$0].isMeant(by: value[$0]) }
        }
    }

    var description: String { String(decoding: bytes, as: UTF8.self).replacing("\r\n", with: "⏎") }

    /// One of each kind, and the combinations that are easily got wrong.
    static let table: [Frame] = [
        .simple("OK"), .simple(""), .failure("ERR no"), .failure("WRONGTYPE Operation against a key"),
        .integer(0), .integer(-1), .integer(.max), .integer(.min), .null, .nullArray,
        .bulk([]), .bulk(Array("value".utf8)), .bulk(Array("\r\n".utf8)), .bulk([0, 255, 13, 10, 0]),
        .bulk(Array("•é😀".utf8)), .array([]), .array([.null]), .array([.array([]), .array([.nullArray])]),
        .array([.bulk(Array("a".utf8)), .integer(7), .null, .failure("NOSCRIPT no"), .simple("x")]),
        .array([.array([.integer(1), .array([.bulk(Array("deep".utf8)), .integer(2)])]), .integer(3)]),
        deep(8),
    ]

    /// Arrays within each other.
    static func deep(_ depth: Int) -> Frame {
        depth == 0 ? .integer(1) : .array([deep(depth - 1)])
    }

    /// A random frame that RESP2 can carry, seven arrays deep at most.
    static func random(_ depth: Int = 0, using random: inout Seeded) -> Frame {
        switch Int.random(in: 0...(depth < 7 ? 9 : 6), using: &random) {
        case 0: .null
        case 1: .nullArray
        case 2: .integer(Int64.random(in: .min ... .max, using: &random))
        case 3: .simple(String(UInt64.random(in: 0 ... .max, using: &random), radix: 36))
        case 4: .failure("ERR \(UInt64.random(in: 0 ... .max, using: &random))")
        case 5, 6:
            .bulk((0..<size(1 << Int.random(in: 0...11, using: &random), &random)).map { _ in randomByte(&random) })
        default: .array((0..<size(6, &random)).map { _ in Self.random(depth + 1, using: &random) })
        }
    }

    private static func size(_ most: Int, _ random: inout Seeded) -> Int {
        Int.random(in: 0...most, using: &random)
    }

    private static func randomByte(_ random: inout Seeded) -> UInt8 {
        // Every fourth byte is one that means something to the protocol.
        let special = Array("\r\n$*:+-0".utf8)
        let isSpecial = Int.random(in: 0..<4, using: &random) == 0
        return isSpecial ? special[size(special.count - 1, &random)] : UInt8.random(in: 0...255, using: &random)
    }
}
