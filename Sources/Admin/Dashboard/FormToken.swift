internal import Crypto
internal import Curfew
internal import Foundation
internal import Hummingbird

/// What a form must carry to be believed: a code that only a page of ours can have, and that fits one session alone.
///
/// Browsers that know `SameSite` and `Sec-Fetch-Site` are protected without it; this is for those that don't.
struct FormToken: Sendable {
    private let key: SymmetricKey

    /// Where no token is configured every process has a key of its own: such an instance is reached on its machine alone.
    private static let own = SymmetricKey(size: .bits256)

    /// Makes it for a configuration: instances with the same admin token accept each other's forms.
    init(_ settings: HTTPSettings) {
        key =
            settings.adminToken.map {
                SymmetricKey(data: SHA256.hash(data: Data("curfew form \($0.revealed)".utf8)))
            } ?? Self.own
    }

    /// The token for whoever sent this request.
    func text(for request: Request) -> String {
        Data(HMAC<SHA256>.authenticationCode(for: Self.session(of: request), using: key)).base64EncodedString()
    }

    /// Throws 403 where a form came without the token of its session.
    func check(_ text: String?, of request: Request) throws(AdminError) {
        guard let code = text.flatMap({ Data(base64Encoded: $0) }),
            HMAC<SHA256>.isValidAuthenticationCode(code, authenticating: Self.session(of: request), using: key)
        else {
            throw AdminError(
                .forbidden,
                "the form is too old, or comes from another site: load its page again and send it from there")
        }
    }

    private static func session(of request: Request) -> Data {
        Data((request.cookies[Session.cookie]?.value ?? "").utf8)
    }
}
