internal import Crypto
internal import Curfew
internal import Foundation
internal import Synchronization

/// The cookie of a session: an id and a signature, `<id>.<signature>`; neither contains information.
enum Session {
    /// How long a session lasts, in seconds.
    static let length: Int64 = 12 * 3_600

    /// The name of the cookie; over TLS with the prefix that ties it to this host.
    static func cookie(_ isHTTPS: Bool) -> String { cookie("session", isHTTPS) }

    /// The name of one of Curfew's cookies.
    static func cookie(_ name: String, _ isHTTPS: Bool) -> String {
        (isHTTPS ? "__Host-" : "") + "curfew_" + name
    }

    /// The value of a `Set-Cookie` header that starts a session.
    static func header(_ value: String, age: Int64, isHTTPS: Bool) -> String {
        header("session", value, age: age, isHTTPS: isHTTPS)
    }

    /// The value of a `Set-Cookie` header; without an age the cookie ends with the browser session.
    static func header(_ name: String, _ value: String, age: Int64?, isHTTPS: Bool) -> String {
        "\(cookie(name, isHTTPS))=\(value); Path=/" + (age.map { "; Max-Age=\($0)" } ?? "")
            + "; HttpOnly; SameSite=Strict" + (isHTTPS ? "; Secure" : "")
    }
}

/// Starts, verifies and ends sessions.
///
/// A session is signed with the secret that all instances share and with its token, so it ends if the token is no
/// longer configured. It is stored in Redis, so it ends on every instance when it is deleted there.
final class SessionBook: Sendable {
    /// How long the cached secret is used before it is read again.
    private static let fresh = Duration.seconds(1)

    private struct Known {
        let secret: String
        let place: String
        let until: ContinuousClock.Instant
    }

    private let source: EngineSource
    private let known = Mutex<Known?>(nil)

    init(source: EngineSource) {
        self.source = source
    }

    private var sessions: Sessions { Sessions(engine: source.current) }

    /// The key that signs form codes, notices and sessions.
    func secret() async throws -> SymmetricKey { Self.key(try await text()) }

    private func text() async throws -> String {
        let place = source.current.keys.secret
        let kept = known.withLock { $0 }
        if let kept, kept.place == place, kept.until > .now { return kept.secret }
        let secret = try await sessions.secret()
        keep(secret, place)
        return secret
    }

    private func keep(_ secret: String, _ place: String) {
        known.withLock { $0 = Known(secret: secret, place: place, until: .now.advanced(by: Self.fresh)) }
    }

    /// Starts a session; returns the value of its cookie.
    func begin(_ person: Person, _ token: Secret, at address: String) async throws -> String {
        // Read from Redis now: it may have changed a moment ago.
        let text = try await sessions.secret()
        keep(text, source.current.keys.secret)
        let (secret, id) = (Self.key(text), Self.random(bytes: 32))
        try await sessions.begin(
            Self.name(of: id), of: "\(person.label)@\(address)", lasting: .seconds(Session.length))
        return "\(id).\(Self.signature(of: id, person, token, secret))"
    }

    /// The person of a session; nil if the session is forged, changed, ended or expired, or if its token is no longer
    /// configured.
    func person(of value: String, _ settings: HTTPSettings) async throws -> Person? {
        // A forged session is refused without asking Redis.
        guard Self.person(of: value, settings, try await secret()) != nil else { return nil }
        let answer = try await sessions.look(at: [Self.name(ofValue: value)])
        guard let secret = answer.secret else { return nil }
        keep(secret, source.current.keys.secret)
        return answer.present == [true] ? Self.person(of: value, settings, Self.key(secret)) : nil
    }

    /// The sessions that have not ended; all of them if Redis can't be read.
    func living(_ values: [String], _ settings: HTTPSettings) async -> [String] {
        guard !values.isEmpty else { return [] }
        do {
            let answer = try await sessions.look(at: values.map(Self.name(ofValue:)))
            guard let secret = answer.secret.map(Self.key) else { return [] }
            return zip(values, answer.present).filter { value, isPresent in
                isPresent && Self.person(of: value, settings, secret) != nil
            }.map(\.0)
        } catch {
            let secret = known.withLock { $0?.secret }.map(Self.key)
            return values.filter { value in secret.map { Self.person(of: value, settings, $0) != nil } ?? false }
        }
    }

    /// Ends a session, whichever instance started it.
    func end(_ value: String) async throws {
        try await sessions.end(Self.name(ofValue: value))
    }

    private static func person(of value: String, _ settings: HTTPSettings, _ secret: SymmetricKey) -> Person? {
        let parts = value.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].utf8.count == 43, let signature = Base64.decoded(String(parts[1])) else {
            return nil
        }
        for (person, token) in settings.people {
            let key = key(of: person, token, secret)
            if HMAC<SHA256>.isValidAuthenticationCode(signature, authenticating: Data(parts[0].utf8), using: key) {
                return person
            }
        }
        return nil
    }

    private static func signature(
        of id: String, _ person: Person, _ token: Secret, _ secret: SymmetricKey
    ) -> String {
        let code = HMAC<SHA256>.authenticationCode(for: Data(id.utf8), using: key(of: person, token, secret))
        return Base64.text(Data(code))
    }

    /// A key from the secret and the token: without the secret, a cookie doesn't help to guess the token.
    private static func key(of person: Person, _ token: Secret, _ secret: SymmetricKey) -> SymmetricKey {
        let text = "session \(person.role) \(person.name ?? "") \(token.revealed)"
        return SymmetricKey(data: HMAC<SHA256>.authenticationCode(for: Data(text.utf8), using: secret))
    }

    private static func key(_ secret: String) -> SymmetricKey { SymmetricKey(data: Data(secret.utf8)) }

    /// The name of a session in Redis; its cookie can't be derived from it.
    private static func name(of id: String) -> String { Base64.text(Data(SHA256.hash(data: Data(id.utf8)))) }

    private static func name(ofValue value: String) -> String { name(of: String(value.prefix { $0 != "." })) }

    /// Random bytes as text.
    static func random(bytes: Int) -> String {
        Base64.text(SymmetricKey(size: SymmetricKeySize(bitCount: bytes * 8)).withUnsafeBytes { Data($0) })
    }
}

/// Base64 for cookies and forms: `A-Z a-z 0-9 - _`, without padding.
enum Base64 {
    static func text(_ data: Data) -> String {
        data.base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    /// The bytes; nil if the text is invalid.
    static func decoded(_ text: String) -> Data? {
        let plain = text.replacing("-", with: "+").replacing("_", with: "/")
        return Data(base64Encoded: plain + String(repeating: "=", count: (4 - plain.utf8.count % 4) % 4))
    }
}
