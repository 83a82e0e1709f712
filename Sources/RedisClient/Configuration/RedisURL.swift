/// The parts of a Redis URL, cut but not yet decoded.
struct RedisURL {
    static let schemes = "redis://, rediss:// or redis+unix://"

    var scheme: String
    /// What stands before the last `@` of the authority; nil without one.
    var userInfo: Substring?
    var host: Substring
    var port: Substring?
    /// With its leading slash, or empty.
    var path: Substring
    var options: [(name: String, value: String)]

    init(_ url: String) throws(RedisError) {
        guard let mark = url.firstRange(of: "://") else {
            throw .invalidURL("expected \(Self.schemes), as in redis://127.0.0.1:6379/0")
        }
        scheme = url[..<mark.lowerBound].lowercased()
        let rest = url[mark.upperBound...]
        guard !rest.contains("#"), !rest.utf8.contains(where: { $0 <= 32 || $0 == 127 }) else {
            throw .invalidURL("a # or a blank is written as %23 or %20")
        }
        let question = rest.firstIndex(of: "?") ?? rest.endIndex
        let slash = rest[..<question].firstIndex(of: "/") ?? question
        let authority = rest[..<slash]
        path = rest[slash..<question]
        options = try Self.options(rest[question...].dropFirst())
        let at = authority.lastIndex(of: "@")
        userInfo = at.map { authority[..<$0] }
        let server = at.map { authority[authority.index(after: $0)...] } ?? authority
        (host, port) = try Self.server(server)
    }

    private static func server(_ text: Substring) throws(RedisError) -> (Substring, Substring?) {
        guard text.hasPrefix("[") else {
            guard let colon = text.firstIndex(of: ":") else { return (text, nil) }
            return (text[..<colon], text[text.index(after: colon)...])
        }
        guard let bracket = text.firstIndex(of: "]") else {
            throw .invalidURL("expected a ] after the IPv6 address")
        }
        let rest = text[text.index(after: bracket)...]
        guard rest.isEmpty || rest.hasPrefix(":") else {
            throw .invalidURL("expected a port after the IPv6 address, as in redis://[::1]:6379")
        }
        return (text[..<bracket].dropFirst(), rest.isEmpty ? nil : rest.dropFirst())
    }

    private static func options(_ text: Substring) throws(RedisError) -> [(name: String, value: String)] {
        var options: [(name: String, value: String)] = []
        for option in text.split(separator: "&") {
            guard let equals = option.firstIndex(of: "=") else {
                throw .invalidURL("expected options like ?name=value after the address")
            }
            let name = String(option[..<equals])
            guard !options.contains(where: { $0.name == name }) else {
                throw .invalidURL("an option is given twice")
            }
            options.append((name, String(option[option.index(after: equals)...])))
        }
        return options
    }

    func hostAddress() throws(RedisError) -> RedisConfiguration.Address {
        guard !host.isEmpty else {
            throw .invalidURL("expected a host, as in \(scheme)://127.0.0.1:6379/0")
        }
        guard let port else { return .host(String(host), port: 6379) }
        let isNumber = port.utf8.allSatisfy { (48...57).contains($0) }
        guard isNumber, let number = Int(port), (1...65_535).contains(number) else {
            throw .invalidURL(
                "expected a port from 1 to 65535 after the host "
                    + "(in a password, : / ? # @ % are written as %3A %2F %3F %23 %40 %25)"
            )
        }
        return .host(String(host), port: number)
    }

    func credentials() throws(RedisError) -> RedisConfiguration.Credentials? {
        guard let userInfo else { return nil }
        guard let colon = userInfo.firstIndex(of: ":") else {
            throw .invalidURL("expected user:password or :password before the @")
        }
        let user = try percentDecoded(userInfo[..<colon], "user")
        let password = try percentDecoded(userInfo[userInfo.index(after: colon)...], "password")
        guard !user.isEmpty || !password.isEmpty else { return nil }
        return RedisConfiguration.Credentials(user: user.isEmpty ? nil : user, password: password)
    }
}

extension RedisError {
    static func invalidURL(_ message: String) -> RedisError {
        RedisError(.invalidURL, "the Redis URL cannot be read: \(message)")
    }
}

/// Replaces every percent-encoded byte by itself.
///
/// The name of the part goes into the message, the part itself never.
func percentDecoded(_ text: Substring, _ part: String) throws(RedisError) -> String {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.utf8.count)
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
        guard byte == UInt8(ascii: "%") else {
            bytes.append(byte)
            continue
        }
        guard let high = rest.popFirst().flatMap(hexDigit), let low = rest.popFirst().flatMap(hexDigit) else {
            throw .invalidURL("in the \(part), expected two hexadecimal digits after % (a % itself is %25)")
        }
        bytes.append(high << 4 | low)
    }
    guard let decoded = String(validating: bytes, as: UTF8.self) else {
        throw .invalidURL("the \(part) is not UTF-8")
    }
    return decoded
}

private func hexDigit(_ byte: UInt8) -> UInt8? {
    UInt8(String(decoding: [byte], as: UTF8.self), radix: 16)
}

/// Writes everything but letters, digits and `-._~/` as `%41`.
func percentEncoded(_ text: String) -> String {
    var encoded = ""
    for byte in text.utf8 {
        switch byte {
        case 48...57, 65...90, 97...122, 45, 46, 47, 95, 126: encoded.unicodeScalars.append(Unicode.Scalar(byte))
        default: encoded += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
        }
    }
    return encoded
}
