internal import Foundation
internal import Policies
internal import RedisClient

/// What the last thing somebody did has come to: told once, on the next page, and carried there by a cookie
/// that is signed.
struct Notice: Sendable, Equatable {
    /// The most characters that are carried; of what is no ASCII, bytes.
    static let longest = 400

    /// What happened.
    var text: String
    /// Whether it was refused, or went wrong.
    var isRefusal = false

    /// A notice.
    init(_ text: String, isRefusal: Bool = false) {
        self.text = text
        self.isRefusal = isRefusal
    }

    /// The notice that those bytes are; nil where they are none.
    init?(_ data: Data) {
        guard let first = data.first else { return nil }
        text = ByteText.held(data.dropFirst())
        isRefusal = first == UInt8(ascii: "-")
    }

    /// The bytes that carry it to the next page.
    var data: Data {
        Data(ByteText.bytes(of: (isRefusal ? "-" : "+") + text.shortened(to: Self.longest)))
    }
}
