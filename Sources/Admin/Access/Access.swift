internal import Crypto
package import Curfew
internal import Foundation
internal import HTTPTypes
internal import Hummingbird

/// Checks tokens and sessions, and applies the rules for browsers.
///
/// Tokens are compared as SHA-256 digests in constant time, so that the time of an answer says nothing about them. A
/// valid token is always accepted, whatever else came from its address: only wrong tokens are counted and refused.
package struct Access: Sendable {
    let source: EngineSource
    let sessions: SessionBook
    /// Wrong tokens of programs, and wrong tokens of people who sign in, counted separately.
    private let attempts = FailedAttempts(), signIns = FailedAttempts()

    /// Creates it for the current configuration.
    package init(source: EngineSource) {
        self.source = source
        sessions = SessionBook(source: source)
    }

    /// The HTTP settings of the current configuration.
    package var settings: HTTPSettings { source.current.configuration.http ?? HTTPSettings() }

    /// Whether every user of this machine may do everything, because the configuration says so.
    var isOpen: Bool { settings.isOpen && !settings.hasTokens }

    /// Why a request without credentials is refused.
    ///
    /// If no token is configured, the message says so and how to add one.
    var missing: AdminError {
        guard !settings.hasTokens else { return Self.missingToken }
        return AdminError(.forbidden, "access is not configured: \(HTTPSettings.accessAdvice)")
    }

    /// The person with this token; nil if the token is unknown.
    func person(of token: String) -> Person? { Self.person(of: Self.digest(token), settings) }

    private static func person(of digest: [UInt8], _ settings: HTTPSettings) -> Person? {
        var found: Person?
        // All tokens are compared, so that the duration reveals nothing.
        for (person, token) in settings.people where isEqual(digest, Self.digest(token.revealed)) { found = person }
        return found
    }

    /// The person who sends a request, and their credential; nil if it has neither token nor session.
    ///
    /// Throws 401 for a wrong token, 429 if its address has sent too many, and 403 for a request that another site made
    /// a browser send.
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

    /// Which of these credentials are still valid.
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

    /// Whether this address has sent so many wrong tokens that long sign-in forms from it aren't read.
    func isSlowed(_ context: AdminContext) -> Bool { signIns.isSpent(context.clientAddress) }

    /// Signs in with a token on a page; returns the value of a `Set-Cookie` header.
    ///
    /// Throws 401 for a wrong token, 429 if its address has sent too many.
    func signIn(token: String, _ request: Request, _ context: AdminContext) async throws -> String {
        let settings = settings
        guard let (person, own) = settings.people.first(where: { Self.isEqual(Self.digest(token), $0.1) }) else {
            throw wrong(signIns, context)
        }
        try await signOut(request, context)
        let value = try await sessions.begin(person, own, at: context.clientAddress)
        return Session.header(value, age: Session.length, isHTTPS: context.isHTTPS)
    }

    /// Refuses an invalid sign-in form.
    ///
    /// It counts as a wrong token, since it costs as much.
    func refuseForm(_ error: AdminError, _ context: AdminContext) -> AdminError {
        let wrong = wrong(signIns, context)
        return wrong.status == .tooManyRequests ? wrong : error
    }

    /// Ends the session of a request, if it has one, on every instance at once.
    func signOut(_ request: Request, _ context: AdminContext) async throws {
        guard let value = request.cookies[Session.cookie(context.isHTTPS)]?.value else { return }
        try await sessions.end(value)
    }

    /// Admits an outside scheduler by the cron secret or by an admin's token; returns its name for events.
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
        // A viewer's token is valid, but not sufficient here.
        guard person.role == .admin else { throw Self.forbidden }
        return person.name ?? "cron"
    }

    /// Counts a wrong token: 401, or after a delay 429 if there were too many.
    private func wrong(_ attempts: FailedAttempts, _ context: AdminContext) -> AdminError {
        guard let wait = attempts.add(context.clientAddress) else { return Self.wrongToken }
        let seconds = max(1, wait.components.seconds)
        return AdminError(
            .tooManyRequests,
            "too many wrong tokens from \(context.clientAddress): a valid token is still accepted, "
                + "a wrong one only after \(seconds) s",
            headers: [.retryAfter: String(seconds)])
    }

    /// Without tokens, access depends on the address.
    ///
    /// A page of another site must not reach this server under its own host name, nor a remote client through a proxy
    /// on this machine.
    private func openPerson(of request: Request) throws(AdminError) -> Person {
        if let header = request.headers.first(where: { Forwarding.isSign($0.name.canonicalName) }) {
            throw AdminError(
                .forbidden,
                "the request came through a proxy (\(header.name.rawName)), but without an admin-token this instance "
                    + "only serves its own machine: expected an admin-token in the configuration")
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

    /// Compares two digests in constant time.
    private static func isEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        left.count == right.count && zip(left, right).reduce(into: UInt8(0)) { $0 |= $1.0 ^ $1.1 } == 0
    }

    /// The request has no token.
    static let missingToken = AdminError(
        .unauthorized, "expected a token: Authorization: Bearer …",
        headers: [.wwwAuthenticate: "Bearer realm=\"curfew\""])
    private static let wrongToken = AdminError(
        .unauthorized, "invalid token",
        headers: [.wwwAuthenticate: "Bearer realm=\"curfew\", error=\"invalid_token\""])
    /// The token has too few rights.
    static let forbidden = AdminError(.forbidden, "the token is read-only: expected the admin-token")
}

extension HTTPSettings {
    /// Everyone who can sign in, with their tokens.
    var people: [(Person, Secret)] {
        var people: [(Person, Secret)] = []
        if let adminToken { people.append((Person(name: nil, role: .admin), adminToken)) }
        if let viewerToken { people.append((Person(name: nil, role: .viewer), viewerToken)) }
        people += admins.map { (Person(name: $0.name, role: .admin), $0.token) }
        return people + viewers.map { (Person(name: $0.name, role: .viewer), $0.token) }
    }
}
