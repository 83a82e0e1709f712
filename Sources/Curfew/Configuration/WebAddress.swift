internal import Foundation
internal import RedisClient

/// A web address that Curfew calls: that of a webhook or of a cleanup's `ping`.
///
/// Such an address may contain secrets in its path, query or user part, so it prints as its host. The whole address is
/// available as `revealed`.
package struct WebAddress: Sendable, Hashable {
    /// The expected form, for messages.
    static let expected = "an address like https://host/path"

    /// The address without user and password.
    ///
    /// Never log it and never put it into a message.
    package let revealed: String
    /// The host, and the port if there is one: `ops.example:8443`.
    package let host: String
    /// Whether it is unencrypted.
    package let isPlain: Bool
    /// The user and password, if the address has them.
    package let credentials: Credentials?

    /// A user and a password.
    package struct Credentials: Sendable, Hashable {
        /// The user.
        package let user: String
        /// The password; empty if there is none.
        package let password: Secret
    }

    /// Parses an address; nil if it isn't an `http` or `https` address with a host, if its port is impossible, or if it
    /// contains spaces.
    ///
    /// A port beyond 65,535 would end the process when it is called.
    package init?(_ text: String) {
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), var parts = URLComponents(string: text),
            let scheme = parts.scheme?.lowercased(), ["http", "https"].contains(scheme),
            let name = parts.host, !name.isEmpty, (1...65_535).contains(parts.port ?? 80)
        else { return nil }
        host = parts.port.map { "\(name):\($0)" } ?? name
        isPlain = scheme == "http"
        credentials = parts.user.map { Credentials(user: $0, password: Secret((parts.password ?? "").held)) }
        parts.user = nil
        parts.password = nil
        parts.fragment = nil
        guard let whole = parts.string else { return nil }
        revealed = whole
    }

    /// The address with another text of the same host.
    private init(_ revealed: String, like other: WebAddress) {
        self.revealed = revealed
        (host, isPlain, credentials) = (other.host, other.isPlain, other.credentials)
    }

    /// The address with more at the end of its path: `/v1/traces`.
    package func appending(path: String) -> WebAddress {
        guard var parts = URLComponents(string: revealed) else { return self }
        parts.path = (parts.path.hasSuffix("/") ? String(parts.path.dropLast()) : parts.path) + path
        return parts.string.map { WebAddress($0, like: self) } ?? self
    }

    /// The address with a path, if it has none.
    func withDefaultPath(_ path: String) -> WebAddress {
        guard var parts = URLComponents(string: revealed), ["", "/"].contains(parts.path) else { return self }
        parts.path = path
        return parts.string.map { WebAddress($0, like: self) } ?? self
    }
}

extension WebAddress: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The host.
    package var description: String { host }
    /// The host.
    package var debugDescription: String { host }
    /// The host only, so that `dump` doesn't show more.
    package var customMirror: Mirror { Mirror(self, children: ["host": host]) }
}

extension Section {
    /// A web address.
    ///
    /// An invalid one isn't quoted, since it may contain a secret.
    func address(_ key: String, isRequired: Bool = false) -> WebAddress? {
        guard let scalar = scalar(key, isRequired: isRequired, expected: WebAddress.expected) else { return nil }
        if let address = WebAddress(scalar.text) { return address }
        problem(key, "expected \(WebAddress.expected)")
        return nil
    }
}
