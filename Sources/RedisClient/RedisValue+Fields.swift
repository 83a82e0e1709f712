/// Flat lists of names and values in turn, as `HGETALL`, `WITHSCORES`, `XINFO` and Curfew's functions answer.
///
/// A name without a value at the end is left out.
extension RedisValue {
    /// The names and values of such a list.
    ///
    /// - Parameter start: the place of the first name.
    package func fields(from start: Int = 0) -> [(name: RedisValue, value: RedisValue)] {
        (0..<max(0, count - start) / 2).map { (self[start + 2 * $0], self[start + 2 * $0 + 1]) }
    }

    /// The same as text; what is none is empty.
    package var pairs: [(String, String)] {
        fields().map { ($0.name.string ?? "", $0.value.string ?? "") }
    }

    /// The same by name; of a name that comes twice, the first.
    package var texts: [String: String] {
        Dictionary(pairs) { first, _ in first }
    }

    /// The value that goes by a name; nil where there is none.
    package func field(_ name: String) -> RedisValue? {
        fields().first { $0.name.string == name }?.value
    }
}
