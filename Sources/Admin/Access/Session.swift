internal import Crypto
internal import Curfew
internal import Foundation

/// A session of a browser: a cookie that says what it lets do and until when, signed with the token it was got for.
///
/// Nothing is stored, so every instance with the same tokens accepts it, and a changed token ends it.
struct Session: Sendable {
    /// The name of the cookie.
    static let cookie = "curfew_session"
    /// How long it lasts.
    static let length: Int64 = 12 * 3_600

    let settings: HTTPSettings

    /// The value of a `Set-Cookie` header that begins a session.
    func cookie(for role: Role, now: Date = Date()) -> String {
        guard let key = key(for: role) else { return ending }
        let head = "\(role).\(Int64(now.timeIntervalSince1970) + Self.length)"
        return header("\(head).\(signature(of: head, key))", age: Self.length)
    }

    /// The value of a `Set-Cookie` header that ends it.
    var ending: String { header("", age: 0) }

    /// What a cookie lets do; nil where it is forged, altered, too old, or for a token that is no longer.
    func role(of value: String, now: Date = Date()) -> Role? {
        let parts = value.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let role = [Role.viewer, .admin].first(where: { "\($0)" == parts[0] }),
            let key = key(for: role), let end = Int64(parts[1]), end > Int64(now.timeIntervalSince1970),
            let signature = Data(base64Encoded: String(parts[2])),
            HMAC<SHA256>.isValidAuthenticationCode(
                signature, authenticating: Data("\(parts[0]).\(parts[1])".utf8), using: key)
        else { return nil }
        return role
    }

    private func key(for role: Role) -> SymmetricKey? {
        let token = role == .admin ? settings.adminToken : settings.viewerToken
        return token.map { SymmetricKey(data: SHA256.hash(data: Data("curfew session \($0.revealed)".utf8))) }
    }

    private func signature(of head: String, _ key: SymmetricKey) -> String {
        Data(HMAC<SHA256>.authenticationCode(for: Data(head.utf8), using: key)).base64EncodedString()
    }

    private func header(_ value: String, age: Int64) -> String {
        let secure = settings.tls == nil ? "" : "; Secure"
        return "\(Self.cookie)=\(value); Path=/; Max-Age=\(age); HttpOnly; SameSite=Strict\(secure)"
    }
}
