internal import Crypto
internal import Foundation
internal import Hummingbird
internal import RedisClient

/// One look of one browser at a page: what its forms carry, and what it is told.
///
/// A form is believed if it carries a code that only a page of ours can have, and that fits one browser alone: its session,
/// or before it has one a number that it was given in a cookie. Browsers that know `SameSite` and `Sec-Fetch-Site` are
/// protected without it; this is for those that don't.
struct Visit: Sendable {
    private let secret: SymmetricKey
    private let session: String?
    /// The number of the browser; nil where the request came without one.
    private let shown: String?
    /// The number that it is given, where it needs one.
    private let given = SessionBook.random(bytes: 16)
    private let isBrowser: Bool
    /// Whether the request shows a token, which no other site can make a browser do.
    private let hasToken: Bool
    private let isHTTPS: Bool

    init(_ request: Request, _ context: AdminContext, secret: SymmetricKey) {
        self.secret = secret
        isHTTPS = context.isHTTPS
        session = if case .session(let value)? = context.pass { value } else { nil }
        hasToken = if case .token? = context.pass { true } else { false }
        shown = request.cookies[Session.cookie("browser", isHTTPS)]?.value
        isBrowser = request.headers.contains { field in
            switch field.name.canonicalName {
            case "origin", "sec-fetch-site", "sec-fetch-mode", "accept-language": true
            case "user-agent": field.value.contains("Mozilla/") || field.value.contains("Opera")
            default: false
            }
        }
    }

    /// What the forms of the page carry.
    var formToken: String {
        if let session { return signature("session form", Data(session.utf8)).base64EncodedString() }
        let name = Self.name(of: shown ?? given)
        return (name + signature("browser form", name)).base64EncodedString()
    }

    /// The value of a `Set-Cookie` header that gives the browser its number; nil where it needs none.
    var cookie: String? {
        guard session == nil, shown == nil, !hasToken else { return nil }
        return Session.header("browser", given, age: nil, isHTTPS: isHTTPS)
    }

    /// Throws 403 where a form came without the code of its session, or of its browser.
    func check(_ text: String?) throws(AdminError) {
        guard !isOwn(text ?? "") else { return }
        throw AdminError(
            .forbidden, "the form is too old, or comes from another site: load its page again and send it from there")
    }

    private func isOwn(_ text: String) -> Bool {
        guard let code = Data(base64Encoded: text) else { return false }
        if let session { return isValid(code, "session form", Data(session.utf8)) }
        let name = Data(code.prefix(Self.nameLength))
        guard isValid(Data(code.dropFirst(Self.nameLength)), "browser form", name) else { return false }
        // A program that keeps no cookies can't be made to send a form by another site.
        guard let shown else { return !isBrowser }
        return Self.name(of: shown) == name
    }

    /// What the last thing they did has come to, where the request carries it, and carries it unaltered.
    func notice(_ request: Request) -> Notice? {
        guard let value = request.cookies[Session.cookie("notice", isHTTPS)]?.value, value.utf8.count < 4_096 else {
            return nil
        }
        let parts = value.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, let code = Base64.decoded(parts[1]),
            isValid(code, "notice", Data((parts[0] + (session ?? "")).utf8))
        else { return nil }
        return Base64.decoded(parts[0]).flatMap { Notice($0) }
    }

    /// The value of the header that carries a notice to the next page.
    func header(_ notice: Notice) -> String {
        let text = Base64.text(notice.data)
        let code = Base64.text(signature("notice", Data((text + (session ?? "")).utf8)))
        return Session.header("notice", "\(text).\(code)", age: 60, isHTTPS: isHTTPS)
    }

    /// The value of the header that takes it away once it was told.
    var noticeEnd: String { Session.header("notice", "", age: 0, isHTTPS: isHTTPS) }

    private static let nameLength = 16

    /// What stands for a browser in its forms: nobody can make its number of it.
    private static func name(of number: String) -> Data {
        Data(SHA256.hash(data: Data(number.utf8)).prefix(nameLength))
    }

    private func signature(_ purpose: String, _ data: Data) -> Data {
        Data(HMAC<SHA256>.authenticationCode(for: Data("\(purpose) ".utf8) + data, using: secret))
    }

    private func isValid(_ code: Data, _ purpose: String, _ data: Data) -> Bool {
        HMAC<SHA256>.isValidAuthenticationCode(
            code, authenticating: Data("\(purpose) ".utf8) + data, using: secret)
    }
}
