internal import Policies

/// JSON written straight into text: for the before-image of every single change, where a general encoder would cost
/// more than the change itself.
enum JSONText {
    /// An object of strings; nil becomes `null`.
    static func object(_ members: [FieldWrite]) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(members.reduce(2) { $0 + $1.field.utf8.count + ($1.value?.utf8.count ?? 4) + 6 })
        bytes.append(UInt8(ascii: "{"))
        for member in members {
            if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
            append(member.field, to: &bytes)
            bytes.append(UInt8(ascii: ":"))
            if let value = member.value { append(value, to: &bytes) } else { bytes.append(contentsOf: "null".utf8) }
        }
        bytes.append(UInt8(ascii: "}"))
        return String(decoding: bytes, as: UTF8.self)
    }

    /// A quoted string, escaped as RFC 8259 §7 demands.
    private static func append(_ text: String, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes += [UInt8(ascii: "\\"), byte]
            case 0x0A: bytes += Array("\\n".utf8)
            case 0x0D: bytes += Array("\\r".utf8)
            case 0x09: bytes += Array("\\t".utf8)
            case 0..<0x20:
                bytes += Array("\\u00".utf8) + [hexDigit(byte >> 4), hexDigit(byte & 0xF)]
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private static func hexDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }
}
