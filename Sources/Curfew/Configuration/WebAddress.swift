internal import Foundation
internal import RedisClient

/// A place on the web that Curfew calls: a webhook's, or the one that a cleanup's `ping` names.
///
/// Such addresses carry secrets in their path, their query or before their host, so it prints as its host alone. Whoever
/// needs the whole says so with `revealed`.
package struct WebAddress: Sendable, Hashable {
    /// What the file has to say, for messages.
    static let expected = "an address like https://host/path"

    /// The whole address without user and password: never log it, never put it into a message.
    package let revealed: String
    /// The host, and the port where one is named: `ops.example:8443`.
    package let host: String
    /// Whether what is sent can be read on the way.
    package let isPlain: Bool
    /// The user and password to sign in with, where the address names any.
    package let credentials: Credentials?

    /// A user and a password.
    package struct Credentials: Sendable, Hashable {
        /// The user.
        package let user: String
        /// The password; empty where there is none.
        package let password: Secret
    }

    /// Reads an address; nil where it is none of `http` or `https` with a host, or has spaces.
    package init?(_ text: String) {
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), var parts = URLComponents(string: text),
            let scheme = parts.scheme?.lowercased(), ["http", "https"].contains(scheme),
            let name = parts.host, !name.isEmpty
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
}

extension WebAddress: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The host.
    package var description: String { host }
    /// The host as well.
    package var debugDescription: String { host }
    /// The host alone, so that `dump` shows no more either.
    package var customMirror: Mirror { Mirror(self, children: ["host": host]) }
}

extension Section {
    /// An address on the web.
    ///
    /// A wrong one is not quoted, since it may hold a secret all the same.
    func address(_ key: String, isRequired: Bool = false) -> WebAddress? {
        guard let scalar = scalar(key, isRequired: isRequired, expected: WebAddress.expected) else { return nil }
        if let address = WebAddress(scalar.text) { return address }
        problem(key, "expected \(WebAddress.expected)")
        return nil
    }
}
