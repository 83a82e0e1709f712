internal import Crypto
internal import Curfew
internal import Foundation
internal import Synchronization

/// The cookie of a session: an id and a signature, `<id>.<signature>`, both without meaning to anybody else.
enum Session {
    /// How long it lasts, in seconds.
    static let length: Int64 = 12 * 3_600

    /// The name of the cookie: over TLS one that browsers take from this host alone.
    static func cookie(_ isHTTPS: Bool) -> String { cookie("session", isHTTPS) }

    /// The name of one of our cookies.
    static func cookie(_ name: String, _ isHTTPS: Bool) -> String {
        (isHTTPS ? "__Host-" : "") + "curfew_" + name
    }

    /// The value of a `Set-Cookie` header that begins a session.
    static func header(_ value: String, age: Int64, isHTTPS: Bool) -> String {
        header("session", value, age: age, isHTTPS: isHTTPS)
    }

    /// The value of a `Set-Cookie` header; without an age the cookie lasts as long as the browser is open.
    static func header(_ name: String, _ value: String, age: Int64?, isHTTPS: Bool) -> String {
        "\(cookie(name, isHTTPS))=\(value); Path=/" + (age.map { "; Max-Age=\($0)" } ?? "")
            + "; HttpOnly; SameSite=Strict" + (isHTTPS ? "; Secure" : "")
    }
}

/// Begins, knows and ends sessions.
///
/// A session is signed with the secret that all instances share and the token that it was got for, so that it ends when the
/// token is no longer configured; and it is in Redis, so that it ends for every instance when it is taken out there.
final class SessionBook: Sendable {
    /// How long the secret is believed to be what it was: after that it is read again.
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

    /// What form codes, notices and sessions are signed with.
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

    /// Begins a session: the value of its cookie.
    func begin(_ person: Person, _ token: Secret, at address: String) async throws -> String {
        // Read now, since it may have been changed a moment ago.
        let text = try await sessions.secret()
        keep(text, source.current.keys.secret)
        let (secret, id) = (Self.key(text), Self.random(bytes: 32))
        try await sessions.begin(
            Self.name(of: id), of: "\(person.label)@\(address)", lasting: .seconds(Session.length))
        return "\(id).\(Self.signature(of: id, person, token, secret))"
    }

    /// Whose session it is; nil where it is forged, altered, ended, too old, or of a token that is no longer.
    func person(of value: String, _ settings: HTTPSettings) async throws -> Person? {
        // A forged one costs no question.
        guard Self.person(of: value, settings, try await secret()) != nil else { return nil }
        let answer = try await sessions.look(at: [Self.name(ofValue: value)])
        guard let secret = answer.secret else { return nil }
        keep(secret, source.current.keys.secret)
        return answer.present == [true] ? Self.person(of: value, settings, Self.key(secret)) : nil
    }

    /// Those of some sessions that have not ended; all that may live where Redis can't be asked.
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

    /// Ends a session, wherever it began.
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

    /// Of the secret and the token together: without the secret it is no help in guessing the token.
    private static func key(of person: Person, _ token: Secret, _ secret: SymmetricKey) -> SymmetricKey {
        let text = "session \(person.role) \(person.name ?? "") \(token.revealed)"
        return SymmetricKey(data: HMAC<SHA256>.authenticationCode(for: Data(text.utf8), using: secret))
    }

    private static func key(_ secret: String) -> SymmetricKey { SymmetricKey(data: Data(secret.utf8)) }

    /// What a session is called in Redis: whoever reads that can't make its cookie of it.
    private static func name(of id: String) -> String { Base64.text(Data(SHA256.hash(data: Data(id.utf8)))) }

    private static func name(ofValue value: String) -> String { name(of: String(value.prefix { $0 != "." })) }

    /// Bytes that nobody can foretell, as text.
    static func random(bytes: Int) -> String {
        Base64.text(SymmetricKey(size: SymmetricKeySize(bitCount: bytes * 8)).withUnsafeBytes { Data($0) })
    }
}

/// Bytes as text that fits into a cookie and a form: `A-Z a-z 0-9 - _`, without padding.
enum Base64 {
    static func text(_ data: Data) -> String {
        data.base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    /// The bytes; nil where it is no such text.
    static func decoded(_ text: String) -> Data? {
        let plain = text.replacing("-", with: "+").replacing("_", with: "/")
        return Data(base64Encoded: plain + String(repeating: "=", count: (4 - plain.utf8.count % 4) % 4))
    }
}
