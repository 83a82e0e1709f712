/// An error answered by a server: `-WRONGTYPE Operation against a key holding the wrong kind of value`.
package struct RedisServerError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The whole message.
    package let message: String

    /// Creates an error from the text of a server.
    package init(message: String) {
        self.message = message
    }

    /// The first word, which Redis writes in capitals (`WRONGTYPE`, `NOSCRIPT`, `READONLY`, `OOM`); `ERR` for a text
    /// without one.
    package var code: String {
        let word = message.prefix { $0 != " " }
        let isCode = word.utf8.allSatisfy { (65...90).contains($0) || (48...57).contains($0) || $0 == 95 }
        return isCode && !word.isEmpty ? String(word) : "ERR"
    }

    /// The whole message.
    package var description: String { message }
}
