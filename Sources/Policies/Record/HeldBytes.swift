/// Bytes as text: the same as `ByteText` of the module RedisClient, which this one doesn't know.
///
/// All text of a record is held like that: ASCII as it is, each byte from 0x80 on as one private-use scalar, U+10FF00 + byte.
/// What is compared, split or searched as text is so by its bytes. Only what looks into a text (JSON, upper and lower case,
/// the length of what a message quotes) has to know.
enum HeldBytes {
    /// Bytes as a text that holds exactly them.
    static func text(_ bytes: some Collection<UInt8>) -> String {
        guard bytes.contains(where: { $0 > 127 }) else { return String(decoding: bytes, as: UTF8.self) }
        var text = String.UnicodeScalarView()
        for byte in bytes { text.append(scalar(byte)) }
        return String(text)
    }

    private static func scalar(_ byte: UInt8) -> Unicode.Scalar {
        byte < 128 ? Unicode.Scalar(byte) : Unicode.Scalar(0x10FF00 + UInt32(byte)) ?? Unicode.Scalar(byte)
    }

    /// The bytes that a text holds; of what isn't from outside, its UTF-8.
    static func bytes(of text: String) -> [UInt8] {
        let utf8 = Array(text.utf8)
        // The first byte of the UTF-8 of each such scalar.
        guard utf8.contains(0xF4) else { return utf8 }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(utf8.count)
        for scalar in text.unicodeScalars {
            if let byte = byte(scalar) {
                bytes.append(byte)
            } else {
                bytes += Array(String(Character(scalar)).utf8)
            }
        }
        return bytes
    }

    /// The byte that a scalar holds; nil where it holds none.
    private static func byte(_ scalar: Unicode.Scalar) -> UInt8? {
        (0x10FF80...0x10FFFF).contains(scalar.value) ? UInt8(truncatingIfNeeded: scalar.value) : nil
    }

    /// Whether a scalar holds a byte that goes on with a character of UTF-8.
    fileprivate static func isContinuation(_ scalar: Unicode.Scalar) -> Bool {
        (0x10FF80...0x10FFBF).contains(scalar.value)
    }
}

extension String {
    /// The text with U+FFFD for what is no UTF-8, for those who are told of it in a form that is nothing else.
    var validText: String {
        guard utf8.contains(0xF4) else { return self }
        return HeldBytes.text(Array(String(decoding: HeldBytes.bytes(of: self), as: UTF8.self).utf8))
    }

    /// The text in lower case, whatever letters it has; where it is no UTF-8, its ASCII letters only.
    var lowercase: String {
        guard utf8.contains(where: { $0 > 127 }) else { return lowercased() }
        guard let plain = String(validating: HeldBytes.bytes(of: self), as: UTF8.self) else { return lowercased() }
        return HeldBytes.text(Array(plain.lowercased().utf8))
    }

    /// At most that many bytes of a text from outside, and “…” where there are more; no character is cut in two.
    ///
    /// What holds a byte is one scalar, so that scalars are counted.
    package func shortened(to limit: Int) -> String {
        guard utf8.count > limit else { return self }
        let scalars = unicodeScalars
        guard var end = scalars.index(scalars.startIndex, offsetBy: limit, limitedBy: scalars.endIndex),
            end < scalars.endIndex
        else { return self }
        for _ in 0..<3 where end > scalars.startIndex && HeldBytes.isContinuation(scalars[end]) {
            end = scalars.index(before: end)
        }
        return String(self[..<end]) + "…"
    }
}
