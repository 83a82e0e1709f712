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
        let bytes = text.map { isForm && $0 == UInt8(ascii: "+") ? UInt8(ascii: " ") : $0 }
        return ByteText.held(PercentEncoding.decoded(bytes, isLenient: true) ?? bytes)
    }
}
