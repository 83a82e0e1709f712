/// Percent-encoding of the parts of an address.
package enum PercentEncoding {
    /// Encodes every byte except letters, digits, `-._~` and these others as `%41`.
    package static func encoded(_ text: String, keeping others: String = "") -> String {
        var encoded: [UInt8] = []
        let digits = Array("0123456789ABCDEF".utf8)
        for byte in ByteText.bytes(of: text) {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                encoded.append(byte)
            case _ where others.utf8.contains(byte): encoded.append(byte)
            default: encoded += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: encoded, as: UTF8.self)
    }

    /// Decodes percent-encoded bytes.
    ///
    /// - Parameter isLenient: whether a `%` without two hexadecimal digits is kept.
    /// - Returns: The bytes; nil if there is such a `%` and it isn't kept.
    package static func decoded(_ utf8: some Sequence<UInt8>, isLenient: Bool = false) -> [UInt8]? {
        var bytes: [UInt8] = []
        var rest = Array(utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%") {
                if let high = digit(rest.first), let low = digit(rest.dropFirst().first) {
                    bytes.append(high << 4 | low)
                    rest = rest.dropFirst(2)
                    continue
                }
                guard isLenient else { return nil }
            }
            bytes.append(byte)
        }
        return bytes
    }

    private static func digit(_ byte: UInt8?) -> UInt8? {
        byte.flatMap { Character(Unicode.Scalar($0)).hexDigitValue }.map(UInt8.init)
    }
}

extension RedisURL {
    /// Decodes a part of an address.
    ///
    /// The error message contains the name of the part, never its content.
    static func decoded(_ text: Substring, _ part: String) throws(RedisError) -> String {
        guard let bytes = PercentEncoding.decoded(text.utf8) else {
            throw .invalidURL("in the \(part), expected two hexadecimal digits after % (a % itself is %25)")
        }
        guard let decoded = String(validating: bytes, as: UTF8.self) else {
            throw .invalidURL("the \(part) is not UTF-8")
        }
        return decoded
    }
}
