internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import Policies
internal import RedisClient

/// What the last thing somebody did has come to: told once, on the next page, and carried there by a cookie.
struct Notice: Sendable, Equatable {
    /// The name of the cookie.
    static let cookie = "curfew_notice"
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

    /// The notice that a request carries.
    init?(_ request: Request) {
        guard let value = request.cookies[Self.cookie]?.value, value.count < 4_096,
            let data = Data(base64Encoded: value), let first = data.first
        else { return nil }
        text = ByteText.held(data.dropFirst())
        isRefusal = first == UInt8(ascii: "-")
    }

    /// The value of the header that carries it to the next page.
    var header: String {
        let data = Data(ByteText.bytes(of: (isRefusal ? "-" : "+") + text.shortened(to: Self.longest)))
        return Self.header(data.base64EncodedString(), age: 60)
    }

    /// The value of the header that takes it away once it was told.
    static let ending = header("", age: 0)

    private static func header(_ value: String, age: Int) -> String {
        "\(cookie)=\(value); Path=/; Max-Age=\(age); HttpOnly; SameSite=Strict"
    }
}
