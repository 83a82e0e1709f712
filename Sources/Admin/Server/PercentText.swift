internal import RedisClient

/// Names and values of a query or a form, percent-encoded, as text held as `ByteText` says: a record's id may be any bytes.
enum PercentText {
    /// The pairs of `a=1&b=2`, in order; what is no percent-encoding stays as it is.
    ///
    /// - Parameter isForm: whether a `+` stands for a space.
    static func pairs(_ text: some StringProtocol, isForm: Bool = false) -> [(name: String, value: String)] {
        text.utf8.split(separator: UInt8(ascii: "&")).map { pair in
            let parts = pair.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            return (
                decoded(parts[0], isForm: isForm), parts.count > 1 ? decoded(parts[1], isForm: isForm) : ""
            )
        }
    }

    /// A text without its percent-encoding.
    static func decoded(_ text: some Collection<UInt8>, isForm: Bool = false) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), let high = digit(rest.first), let low = digit(rest.dropFirst().first) {
                bytes.append(high << 4 | low)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(isForm && byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
            }
        }
        return ByteText.held(bytes)
    }

    private static func digit(_ byte: UInt8?) -> UInt8? {
        byte.flatMap { Character(Unicode.Scalar($0)).hexDigitValue }.map(UInt8.init)
    }
}
