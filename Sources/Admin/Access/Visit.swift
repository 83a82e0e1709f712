internal import Crypto
internal import Foundation
internal import Hummingbird
internal import RedisClient

/// One browser's visit to a page: the code in its forms, and its notice.
///
/// A form is accepted only if it has a code that only Curfew's pages contain and that fits one browser: its session, or
/// before sign-in a number from a cookie. Browsers that support `SameSite` and `Sec-Fetch-Site` are protected without
/// the code; it protects older ones.
struct Visit: Sendable {
    private let secret: SymmetricKey
    private let session: String?
    /// The browser's number; nil if the request has none.
    private let shown: String?
    /// A new number, in case the browser needs one.
    private let given = SessionBook.random(bytes: 16)
    private let isBrowser: Bool
    /// Whether the request has a token, which another site can't make a browser send.
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

    /// The code in the forms of the page.
    var formToken: String {
        if let session { return signature("session form", Data(session.utf8)).base64EncodedString() }
        let name = Self.name(of: shown ?? given)
        return (name + signature("browser form", name)).base64EncodedString()
    }

    /// The value of a `Set-Cookie` header with the browser's number; nil if none is needed.
    var cookie: String? {
        guard session == nil, shown == nil, !hasToken else { return nil }
        return Session.header("browser", given, age: nil, isHTTPS: isHTTPS)
    }

    /// Throws 403 if a form has no valid code for its session or its browser.
    func check(_ text: String?) throws(AdminError) {
        guard !isOwn(text ?? "") else { return }
        throw AdminError(
            .forbidden, "the form is too old or comes from another site: reload the page and submit it again")
    }

    private func isOwn(_ text: String) -> Bool {
        guard let code = Data(base64Encoded: text) else { return false }
        if let session { return isValid(code, "session form", Data(session.utf8)) }
        let name = Data(code.prefix(Self.nameLength))
        guard isValid(Data(code.dropFirst(Self.nameLength)), "browser form", name) else { return false }
        // Another site can't make a program without cookies send a form.
        guard let shown else { return !isBrowser }
        return Self.name(of: shown) == name
    }

    /// The result of the last action, if the request carries it unchanged.
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

    /// The value of the header that passes a notice to the next page.
    func header(_ notice: Notice) -> String {
        let text = Base64.text(notice.data)
        let code = Base64.text(signature("notice", Data((text + (session ?? "")).utf8)))
        return Session.header("notice", "\(text).\(code)", age: 60, isHTTPS: isHTTPS)
    }

    /// The value of the header that deletes the notice after it was shown.
    var noticeEnd: String { Session.header("notice", "", age: 0, isHTTPS: isHTTPS) }

    private static let nameLength = 16

    /// A hash of the browser's number for its forms; the number can't be derived from it.
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
