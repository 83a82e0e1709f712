/// An error that a server answered: `-WRONGTYPE Operation against a key holding the wrong kind of value`.
package struct RedisServerError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The whole text, as the server sent it.
    package let message: String

    /// Makes an error of the text that a server sent.
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

    /// The whole text.
    package var description: String { message }
}
