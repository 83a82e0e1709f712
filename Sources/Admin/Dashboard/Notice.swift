internal import Foundation
internal import Policies
internal import RedisClient

/// The result of the last action, shown once on the next page.
///
/// A signed cookie passes it there.
struct Notice: Sendable, Equatable {
    /// The most characters of the text; for non-ASCII text, the most bytes.
    static let longest = 400

    /// The text.
    var text: String
    /// Whether the action was refused or failed.
    var isRefusal = false

    /// Creates a notice.
    init(_ text: String, isRefusal: Bool = false) {
        self.text = text
        self.isRefusal = isRefusal
    }

    /// Decodes a notice; nil if the bytes are invalid.
    init?(_ data: Data) {
        guard let first = data.first else { return nil }
        text = ByteText.held(data.dropFirst())
        isRefusal = first == UInt8(ascii: "-")
    }

    /// The encoded notice for the cookie.
    var data: Data {
        Data(ByteText.bytes(of: (isRefusal ? "-" : "+") + text.shortened(to: Self.longest)))
    }
}
