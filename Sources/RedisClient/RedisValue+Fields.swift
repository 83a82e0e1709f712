/// Flat lists of names and values, as returned by `HGETALL`, `WITHSCORES`, `XINFO` and Curfew's functions.
///
/// A last name without a value is ignored.
extension RedisValue {
    /// The names and values of the list.
    ///
    /// - Parameter start: the position of the first name.
    package func fields(from start: Int = 0) -> [(name: RedisValue, value: RedisValue)] {
        (0..<max(0, count - start) / 2).map { (self[start + 2 * $0], self[start + 2 * $0 + 1]) }
    }

    /// The same as text; other values are empty.
    package var pairs: [(String, String)] {
        fields().map { ($0.name.string ?? "", $0.value.string ?? "") }
    }

    /// The texts by name; for duplicate names, the first one.
    package var texts: [String: String] {
        Dictionary(pairs) { first, _ in first }
    }

    /// The values by name; for duplicate names, the first one.
    package var named: [String: RedisValue] {
        Dictionary(fields().map { ($0.name.string ?? "", $0.value) }) { first, _ in first }
    }

    /// The value of a name; nil if there is none.
    package func field(_ name: String) -> RedisValue? {
        fields().first { $0.name.string == name }?.value
    }
}
