internal import Foundation
internal import Policies
internal import RedisClient

/// The receivers of notices by mail: the section `mail`.
@dynamicMemberLookup
package struct Mail: Sendable {
    /// One who is written to.
    enum Recipient: Sendable, Hashable {
        /// Always the same.
        case address(MailAddress)
        /// The one that a field of the record names.
        case field(String)
    }

    /// The server that takes the mails.
    package var server: MailServer
    /// The sender.
    var from: MailAddress
    /// Who is written to; each gets a mail of their own.
    var recipients: [Recipient]
    /// The subject line; nil for the usual one.
    var subject: NoticeTemplate?
    /// The text; nil for the usual one.
    var template: NoticeTemplate?
    /// What is sent, and how often it is attempted.
    package var terms: NoticeTerms

    /// A part of the terms.
    package subscript<Value>(dynamicMember path: WritableKeyPath<NoticeTerms, Value>) -> Value {
        get { terms[keyPath: path] }
        set { terms[keyPath: path] = newValue }
    }
}

/// An address of mail, with or without a name: `Curfew <curfew@shop.example>`.
struct MailAddress: Sendable, Hashable {
    /// The expected form, for messages.
    static let expected = "an address like ops@shop.example"

    /// The name; empty if there is none.
    let name: String
    /// The address alone.
    let address: String

    /// Parses an address; nil if it isn't one, or not in ASCII.
    init?(_ text: String) {
        let text = text.trimmingCharacters(in: .whitespaces)
        guard text.hasSuffix(">"), let open = text.lastIndex(of: "<") else {
            (name, address) = ("", text)
            if Self.isAddress(text) { return }
            return nil
        }
        address = String(text[text.index(after: open)...].dropLast())
        name = text[..<open].trimmingCharacters(in: CharacterSet(charactersIn: " \t\""))
        guard Self.isAddress(address), !name.unicodeScalars.contains(where: { $0.value < 32 || $0 == "\"" }) else {
            return nil
        }
    }

    /// What is after the `@`.
    var domain: Substring { address.split(separator: "@").last ?? "" }

    /// Without quotes, comments and lists: what is put into commands to the server must be one word.
    private static func isAddress(_ text: String) -> Bool {
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        guard parts.count == 2, text.utf8.count <= 254 else { return false }
        let isLocal = parts[0].wholeMatch(of: /[A-Za-z0-9.!#$%&'*+\/=?^_`{|}~\-]+/) != nil
        let isName = parts[1].wholeMatch(of: /[A-Za-z0-9](?:[A-Za-z0-9.\-]*[A-Za-z0-9])?/) != nil
        return isLocal && (isName || parts[1].wholeMatch(of: /\[[0-9A-Fa-f.:IPv]+\]/) != nil)
    }
}

/// A mail server: its address, and how to connect to it.
///
/// It prints without user and password.
package struct MailServer: Sendable, Hashable {
    /// The expected form, for messages.
    static let expected = "an address like smtps://user:password@host:465 or smtp://host:587"

    /// When the connection is encrypted.
    enum Encryption: String, Sendable {
        /// From the start.
        case always
        /// After STARTTLS, which the server must offer.
        case required
        /// After STARTTLS, if the server offers it.
        case offered
        /// Never.
        case none
    }

    /// The host, without brackets.
    let host: String
    /// The port.
    let port: Int
    /// When the connection is encrypted.
    let encryption: Encryption
    /// What is verified, and whom to trust.
    let verification: RedisConfiguration.TLS.Verification
    /// A PEM file with the trusted authorities; nil for those of the system.
    let authorities: String?
    /// The user and password, if the server wants a login.
    let credentials: WebAddress.Credentials?

    /// Parses an address; nil if it isn't one of a mail server.
    init?(_ text: String) {
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), let parts = URLComponents(string: text),
            let scheme = parts.scheme?.lowercased(), ["smtp", "smtps"].contains(scheme),
            let name = parts.host, !name.isEmpty, ["", "/"].contains(parts.path)
        else { return nil }
        host = name.trimmingCharacters(in: CharacterSet(charactersIn: "[]"))
        port = parts.port ?? (scheme == "smtps" ? 465 : 587)
        guard (1...65_535).contains(port) else { return nil }
        credentials = parts.user.map { user in
            WebAddress.Credentials(user: user, password: Secret((parts.password ?? "").held))
        }
        let isLocal = host == "localhost" || host.hasPrefix("127.") || host == "::1"
        var found: Encryption = credentials == nil || isLocal ? .offered : .required
        var (verification, authorities) = (RedisConfiguration.TLS.Verification.full, String?.none)
        for item in parts.queryItems ?? [] {
            let value = item.value ?? ""
            switch item.name {
            case "ca" where !value.isEmpty: authorities = value
            case "verify":
                guard let known = RedisConfiguration.TLS.Verification(rawValue: value) else { return nil }
                verification = known
            case "starttls" where scheme == "smtp":
                guard let known = Encryption(rawValue: value), known != .always else { return nil }
                found = known
            default: return nil
            }
        }
        encryption = scheme == "smtps" ? .always : found
        (self.verification, self.authorities) = (verification, authorities)
    }

    /// The settings of an encrypted connection.
    var tls: RedisConfiguration.TLS {
        var tls = RedisConfiguration.TLS()
        tls.verification = verification
        tls.authorities = authorities
        return tls
    }
}

extension MailServer: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Host and port.
    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
    /// Host and port.
    package var debugDescription: String { description }
    /// Host and port only, so that `dump` doesn't show more.
    package var customMirror: Mirror { Mirror(self, children: ["server": description]) }
}
