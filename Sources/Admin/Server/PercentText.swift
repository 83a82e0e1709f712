internal import RedisClient

/// Percent-encoded names and values of a query or form, decoded to ``ByteText``: a record's id may contain any bytes.
enum PercentText {
    /// The pairs of `a=1&b=2` in order; invalid percent-encoding is kept as it is.
    ///
    /// - Parameter isForm: whether `+` means a space.
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
        let bytes = text.map { isForm && $0 == UInt8(ascii: "+") ? UInt8(ascii: " ") : $0 }
        return ByteText.held(PercentEncoding.decoded(bytes, isLenient: true) ?? bytes)
    }
}
