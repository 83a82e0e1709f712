internal import Crypto
package import Curfew
internal import Foundation
internal import HTTPTypes
package import Hummingbird

/// Who may do what: tokens, sessions and the rules for browsers.
///
/// Tokens are compared as SHA-256 digests and in constant time, so that the time an answer takes says nothing about them.
package struct Access: Sendable {
    let source: EngineSource
    let attempts = FailedAttempts()

    /// Makes it for the configuration in force.
    package init(source: EngineSource) {
        self.source = source
    }

    /// What the configuration in force says.
    package var settings: HTTPSettings { source.current.configuration.http ?? HTTPSettings() }

    /// Whether everybody on this machine may do everything, because no token is configured.
    package var isOpen: Bool { settings.adminToken == nil }

    /// What a token lets its bearer do; nil where it is none of ours.
    package func role(of token: String) -> Role? {
        let settings = settings
        if Self.matches(token, settings.adminToken) { return .admin }
        return Self.matches(token, settings.viewerToken) ? .viewer : nil
    }

    /// What a request may do; nil where it shows neither token nor session.
    ///
    /// Throws 401 for a wrong token, 429 where its address has shown too many, 403 for what a browser was made to send by
    /// another site.
    package func role(of request: Request, _ context: AdminContext) throws(AdminError) -> Role? {
        if let token = Self.bearerToken(of: request) {
            guard !isOpen else { return try openRole(of: request) }
            try attempts.check(context.clientAddress)
            if let role = role(of: token) { return role }
            attempts.add(context.clientAddress)
            throw Self.wrongToken
        }
        guard !isOpen else { return try openRole(of: request) }
        guard let text = request.cookies[Session.cookie]?.value else { return nil }
        guard let role = Session(settings: settings).role(of: text) else { return nil }
        try SameSite.check(request)
        return role
    }

    /// Lets in whoever has a token, for a page to sign in with: the value of a `Set-Cookie` header, and what it lets do.
    ///
    /// Throws 401 for a wrong token, 429 where its address has shown too many.
    package func signIn(token: String, from context: AdminContext) throws(AdminError) -> (cookie: String, role: Role) {
        try attempts.check(context.clientAddress)
        guard let role = role(of: token) else {
            attempts.add(context.clientAddress)
            throw Self.wrongToken
        }
        return (Session(settings: settings).cookie(for: role), role)
    }

    /// The value of a `Set-Cookie` header that ends a session.
    package var signOutCookie: String { Session(settings: settings).ending }

    /// Lets in an outside scheduler by the cron secret, or by the admin token.
    package func checkScheduler(_ request: Request, _ context: AdminContext) throws(AdminError) {
        let settings = settings
        guard settings.cronSecret != nil || settings.adminToken != nil else {
            _ = try openRole(of: request)
            return try SameSite.check(request, isUnsafe: true)
        }
        guard let token = Self.bearerToken(of: request) else { throw Self.missingToken }
        try attempts.check(context.clientAddress)
        let isScheduler = Self.matches(token, settings.cronSecret)
        let isAdmin = Self.matches(token, settings.adminToken)
        if isScheduler || isAdmin { return }
        // A viewer's token is known; it is only the wrong one here.
        guard role(of: token) == nil else { throw Self.forbidden }
        attempts.add(context.clientAddress)
        throw Self.wrongToken
    }

    /// Without tokens the address is all there is: a page of another site must not reach it by a name of its own.
    private func openRole(of request: Request) throws(AdminError) -> Role {
        if let host = SameSite.host(of: request), settings.isLoopback, !HTTPSettings.isLoopback(host) {
            throw AdminError(
                .forbidden, "the request is for “\(host)”: without an admin-token, expected localhost or 127.0.0.1")
        }
        try SameSite.check(request)
        return .admin
    }

    /// The token of an `Authorization: Bearer …` header.
    static func bearerToken(of request: Request) -> String? {
        guard let header = request.headers[.authorization] else { return nil }
        let words = header.split(separator: " ", maxSplits: 1)
        guard words.count == 2, words[0].lowercased() == "bearer" else { return nil }
        return String(words[1])
    }

    private static func matches(_ text: String, _ secret: Secret?) -> Bool {
        guard let secret else { return false }
        return SHA256.hash(data: Data(text.utf8)) == SHA256.hash(data: Data(secret.revealed.utf8))
    }

    /// No token at all.
    static let missingToken = AdminError(
        .unauthorized, "expected a token: Authorization: Bearer …",
        headers: [.wwwAuthenticate: "Bearer realm=\"curfew\""])
    private static let wrongToken = AdminError(
        .unauthorized, "the token is none of those configured",
        headers: [.wwwAuthenticate: "Bearer realm=\"curfew\", error=\"invalid_token\""])
    /// A token for less.
    static let forbidden = AdminError(.forbidden, "the token is for looking only: expected the admin-token")
}
