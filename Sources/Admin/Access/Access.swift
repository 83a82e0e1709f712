internal import Crypto
package import Curfew
internal import Foundation
internal import HTTPTypes
internal import Hummingbird

/// Who may do what: tokens, sessions and the rules for browsers.
///
/// Tokens are compared as SHA-256 digests and in constant time, so that the time an answer takes says nothing about them. A
/// right one is always let in, whatever else came from its address: only wrong ones are counted and turned away.
package struct Access: Sendable {
    let source: EngineSource
    let sessions: SessionBook
    /// Wrong tokens of programs, and those of people who sign in: neither is turned away for the other's mistakes.
    private let attempts = FailedAttempts(), signIns = FailedAttempts()

    /// Makes it for the configuration in force.
    package init(source: EngineSource) {
        self.source = source
        sessions = SessionBook(source: source)
    }

    /// What the configuration in force says.
    package var settings: HTTPSettings { source.current.configuration.http ?? HTTPSettings() }

    /// Whether everybody on this machine may do everything, because the configuration says so.
    var isOpen: Bool { settings.isOpen && !settings.hasTokens }

    /// Why somebody who shows nothing isn't let in: where nobody can be, that is said, and how to change it.
    var missing: AdminError {
        guard !settings.hasTokens else { return Self.missingToken }
        return AdminError(.forbidden, "nobody is let in here: \(HTTPSettings.wayIn)")
    }

    /// Whose token this is; nil where it is none of ours.
    func person(of token: String) -> Person? { Self.person(of: Self.digest(token), settings) }

    private static func person(of digest: [UInt8], _ settings: HTTPSettings) -> Person? {
        var found: Person?
        // All are compared, so that nothing is to be learnt from how long it takes.
        for (person, token) in settings.people where isEqual(digest, Self.digest(token.revealed)) { found = person }
        return found
    }

    /// Who sends a request, and by what they were let in; nil where it shows neither token nor session.
    ///
    /// Throws 401 for a wrong token, 429 where its address has shown too many, 403 for what a browser was made to send by
    /// another site.
    func identify(_ request: Request, _ context: AdminContext) async throws -> (Person, Pass)? {
        let isGuarded = SameSite.isGuarded(context.endpointPath)
        if isGuarded || isOpen { try SameSite.check(request, context, isUnsafe: true) }
        if isOpen { return (try openPerson(of: request), .open) }
        guard settings.hasTokens else { return nil }
        if let token = Self.bearerToken(of: request) {
            if let person = person(of: token) { return (person, .token(Self.digest(token))) }
            throw wrong(attempts, context)
        }
        try SameSite.check(request, context)
        guard let value = request.cookies[Session.cookie(context.isHTTPS)]?.value else { return nil }
        return try await sessions.person(of: value, settings).map { ($0, .session(value)) }
    }

    /// Which of those who were let in would still be.
    func stillAdmitted(_ passes: [Pass]) async -> Set<Pass> {
        let (settings, isOpen) = (settings, isOpen)
        var admitted = Set<Pass>()
        var values: [String] = []
        for pass in Set(passes) {
            switch pass {
            case .open: if isOpen { admitted.insert(pass) }
            case .token(let digest): if Self.person(of: digest, settings) != nil { admitted.insert(pass) }
            case .session(let value): if !isOpen { values.append(value) }
            }
        }
        return admitted.union(await sessions.living(values, settings).map { .session($0) })
    }

    /// Whether whoever wants to sign in has shown so many wrong tokens that nothing long is read of them.
    func isSlowed(_ context: AdminContext) -> Bool { signIns.isSpent(context.clientAddress) }

    /// Lets in whoever has a token, for a page to sign in with: the value of a `Set-Cookie` header.
    ///
    /// Throws 401 for a wrong token, 429 where its address has shown too many.
    func signIn(token: String, _ request: Request, _ context: AdminContext) async throws -> String {
        let settings = settings
        guard let (person, own) = settings.people.first(where: { Self.isEqual(Self.digest(token), $0.1) }) else {
            throw wrong(signIns, context)
        }
        try await signOut(request, context)
        let value = try await sessions.begin(person, own, at: context.clientAddress)
        return Session.header(value, age: Session.length, isHTTPS: context.isHTTPS)
    }

    /// A form to sign in with that was none: counted as a wrong token is, since it costs as much.
    func refuseForm(_ error: AdminError, _ context: AdminContext) -> AdminError {
        let wrong = wrong(signIns, context)
        return wrong.status == .tooManyRequests ? wrong : error
    }

    /// Ends the session of a request, if it has one: on every instance, at once.
    func signOut(_ request: Request, _ context: AdminContext) async throws {
        guard let value = request.cookies[Session.cookie(context.isHTTPS)]?.value else { return }
        try await sessions.end(value)
    }

    /// Lets in an outside scheduler by the cron secret, or by an admin's token: under which name.
    func scheduler(_ request: Request, _ context: AdminContext) throws -> String {
        let settings = settings
        guard settings.cronSecret != nil || settings.hasTokens else {
            guard isOpen else { throw missing }
            try SameSite.check(request, context, isUnsafe: true)
            _ = try openPerson(of: request)
            return "cron"
        }
        guard let token = Self.bearerToken(of: request) else { throw Self.missingToken }
        if Self.isEqual(Self.digest(token), settings.cronSecret) { return "cron" }
        guard let person = person(of: token) else { throw wrong(attempts, context) }
        // A viewer's token is known; it is only the wrong one here.
        guard person.role == .admin else { throw Self.forbidden }
        return person.name ?? "cron"
    }

    /// Counts a wrong token: 401, and 429 after a while where there were too many.
    private func wrong(_ attempts: FailedAttempts, _ context: AdminContext) -> AdminError {
        guard let wait = attempts.add(context.clientAddress) else { return Self.wrongToken }
        let seconds = max(1, wait.components.seconds)
        return AdminError(
            .tooManyRequests,
            "too many wrong tokens from \(context.clientAddress): the right one is let in, for another expected a pause of "
                + "\(seconds) s",
            headers: [.retryAfter: String(seconds)])
    }

    /// Without tokens the address is all there is: no page of another site may reach it by a name of its own, and nobody
    /// from elsewhere through a proxy that is on this machine.
    private func openPerson(of request: Request) throws(AdminError) -> Person {
        if let header = request.headers.first(where: { Forwarding.isSign($0.name.canonicalName) }) {
            throw AdminError(
                .forbidden,
                "the request came through a proxy (\(header.name.rawName)), and this instance is open to its own machine "
                    + "alone: expected an admin-token in its configuration")
        }
        let host = HostText(request.head.authority ?? "")?.name
        guard let host, HTTPSettings.isLoopback(host) else {
            throw AdminError(
                .forbidden,
                "the request is for “\(request.head.authority ?? "")”: without an admin-token, expected localhost or "
                    + "127.0.0.1")
        }
        return Person(name: nil, role: .admin)
    }

    /// The token of an `Authorization: Bearer …` header.
    static func bearerToken(of request: Request) -> String? {
        guard let header = request.headers[.authorization] else { return nil }
        let words = header.split(separator: " ", maxSplits: 1)
        guard words.count == 2, words[0].lowercased() == "bearer" else { return nil }
        return String(words[1])
    }

    private static func digest(_ text: String) -> [UInt8] { Array(SHA256.hash(data: Data(text.utf8))) }

    private static func isEqual(_ digest: [UInt8], _ secret: Secret?) -> Bool {
        guard let secret else { return false }
        return isEqual(digest, Self.digest(secret.revealed))
    }

    /// Compares two digests in a time that doesn't depend on where they differ.
    private static func isEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        left.count == right.count && zip(left, right).reduce(into: UInt8(0)) { $0 |= $1.0 ^ $1.1 } == 0
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

extension HTTPSettings {
    /// Everybody who can be let in, with their tokens.
    var people: [(Person, Secret)] {
        var people: [(Person, Secret)] = []
        if let adminToken { people.append((Person(name: nil, role: .admin), adminToken)) }
        if let viewerToken { people.append((Person(name: nil, role: .viewer), viewerToken)) }
        people += admins.map { (Person(name: $0.name, role: .admin), $0.token) }
        return people + viewers.map { (Person(name: $0.name, role: .viewer), $0.token) }
    }
}
