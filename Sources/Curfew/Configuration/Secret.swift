internal import RedisClient

/// A text that must not be seen: a token, a password.
///
/// It prints as `•••` in every way Swift has of printing (`print`, interpolation, `dump`, a debugger's summary), so that a
/// configuration can be logged whole. Whoever needs the text says so with `revealed`.
package struct Secret: Sendable, Hashable {
    /// The text itself, as other programs take it: never log it, never put it into a message.
    package let revealed: String

    /// A secret of this text.
    package init(_ text: String) {
        revealed = text.readable
    }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// `•••`, whatever the text, whatever its length.
    package var description: String { "•••" }
    /// `•••` as well.
    package var debugDescription: String { "•••" }
    /// A mirror without children, so that `dump` shows nothing either.
    package var customMirror: Mirror { Mirror(self, children: []) }
}
