internal import RedisClient

/// A secret text: a token or a password.
///
/// It prints as `•••` in every way (`print`, interpolation, `dump`, debugger), so that a configuration can be logged as
/// a whole. The text is available as `revealed`.
package struct Secret: Sendable, Hashable {
    /// The text itself.
    ///
    /// Never log it and never put it into a message.
    package let revealed: String

    /// Creates a secret.
    package init(_ text: String) {
        revealed = text.readable
    }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// `•••`, whatever the text and its length.
    package var description: String { "•••" }
    /// `•••` as well.
    package var debugDescription: String { "•••" }
    /// A mirror without children, so that `dump` shows nothing either.
    package var customMirror: Mirror { Mirror(self, children: []) }
}
