/// Replaces every percent-encoded byte by itself.
///
/// The name of the part goes into the message, the part itself never.
func percentDecoded(_ text: Substring, _ part: String) throws(RedisError) -> String {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.utf8.count)
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
        guard byte == UInt8(ascii: "%") else {
            bytes.append(byte)
            continue
        }
        guard let high = rest.popFirst().flatMap(hexDigit), let low = rest.popFirst().flatMap(hexDigit) else {
            throw .invalidURL("in the \(part), expected two hexadecimal digits after % (a % itself is %25)")
        }
        bytes.append(high << 4 | low)
    }
    guard let decoded = String(validating: bytes, as: UTF8.self) else {
        throw .invalidURL("the \(part) is not UTF-8")
    }
    return decoded
}

private func hexDigit(_ byte: UInt8) -> UInt8? {
    UInt8(String(decoding: [byte], as: UTF8.self), radix: 16)
}

/// Writes everything but letters, digits, `-._~` and these others as `%41`.
package func percentEncoded(_ text: String, except others: String = "/") -> String {
    var encoded = ""
    for byte in text.utf8 {
        switch byte {
        case _ where others.utf8.contains(byte): encoded.unicodeScalars.append(Unicode.Scalar(byte))
        case 48...57, 65...90, 97...122, 45, 46, 95, 126: encoded.unicodeScalars.append(Unicode.Scalar(byte))
        default: encoded += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
        }
    }
    return encoded
}
