/// The parts of a Redis URL, split but not decoded.
struct RedisURL {
    static let schemes = "redis://, redis+unix://, redis+sentinel://, redis+cluster:// or, with TLS, rediss://"

    /// The kind of a URL.
    enum Kind: String {
        case redis
        case unix = "redis+unix"
        case sentinel = "redis+sentinel"
        case cluster = "redis+cluster"
    }

    /// The scheme in lower case.
    var scheme: String
    var kind: Kind
    /// Whether it uses TLS.
    var isSecure: Bool
    /// The text before the last `@` of the authority; nil if there is none.
    var userInfo: Substring?
    /// Empty if there is no host at all.
    var hosts: [(name: Substring, port: Substring?)]
    /// The path with its leading slash, or empty.
    var path: Substring
    var options: [(name: String, value: String)]

    init(_ url: String) throws(RedisError) {
        guard let mark = url.firstRange(of: "://") else {
            throw .invalidURL("expected \(Self.schemes), as in redis://127.0.0.1:6379/0")
        }
        scheme = url[..<mark.lowerBound].lowercased()
        isSecure = scheme.hasPrefix("rediss")
        guard let kind = Kind(rawValue: isSecure ? "redis" + scheme.dropFirst(6) : scheme), kind != .unix || !isSecure
        else {
            throw .invalidURL("expected \(Self.schemes) at the start")
        }
        self.kind = kind
        let rest = url[mark.upperBound...]
        guard !rest.contains("#"), !rest.utf8.contains(where: { $0 <= 32 || $0 == 127 }) else {
            throw .invalidURL("write # as %23 and a space as %20")
        }
        let question = rest.firstIndex(of: "?") ?? rest.endIndex
        let slash = rest[..<question].firstIndex(of: "/") ?? question
        let authority = rest[..<slash]
        path = rest[slash..<question]
        options = try Self.options(rest[question...].dropFirst())
        let at = authority.lastIndex(of: "@")
        userInfo = at.map { authority[..<$0] }
        let servers = at.map { authority[authority.index(after: $0)...] } ?? authority
        hosts = []
        guard !servers.isEmpty else { return }
        for server in servers.split(separator: ",", omittingEmptySubsequences: false) {
            hosts.append(try Self.server(server))
        }
    }

    /// An example of a valid URL of this kind.
    var example: String {
        switch kind {
        case .redis: "\(scheme)://127.0.0.1:6379/0"
        case .unix: "\(scheme):///run/redis.sock"
        case .sentinel: "\(scheme)://h1:26379,h2:26379/mymaster/0"
        case .cluster: "\(scheme)://h1:7000,h2:7001"
        }
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

    /// The single server, with the default port if there is none.
    func address(_ usualPort: Int) throws(RedisError) -> RedisConfiguration.Address {
        let addresses = try addresses(usualPort)
        guard addresses.count == 1 else {
            throw .invalidURL("expected one host; several are for redis+sentinel:// and redis+cluster://")
        }
        return addresses[0]
    }

    /// All servers, with the default port for those without.
    func addresses(_ usualPort: Int) throws(RedisError) -> [RedisConfiguration.Address] {
        guard !hosts.isEmpty, hosts.allSatisfy({ !$0.name.isEmpty }) else {
            throw .invalidURL("expected a host, as in \(example)")
        }
        guard hosts.count <= Self.hostLimit else {
            throw .invalidURL("expected no more than \(Self.hostLimit) hosts: the others are found through these")
        }
        var addresses: [RedisConfiguration.Address] = []
        for (name, port) in hosts {
            let address = RedisConfiguration.Address.host(String(name), port: try Self.port(port, or: usualPort))
            guard !addresses.contains(address) else { throw .invalidURL("a host is given twice") }
            addresses.append(address)
        }
        return addresses
    }

    private static let hostLimit = 64

    private static func port(_ text: Substring?, or usual: Int) throws(RedisError) -> Int {
        guard let text else { return usual }
        let isNumber = text.utf8.allSatisfy { (48...57).contains($0) }
        guard isNumber, let number = Int(text), (1...65_535).contains(number) else {
            throw .invalidURL(
                "expected a port from 1 to 65535 after the host "
                    + "(in a password, write : / ? # @ % as %3A %2F %3F %23 %40 %25)"
            )
        }
        return number
    }

    /// Why an option is refused.
    func refusal(of option: String) -> RedisError {
        let tls = ["ca", "cert", "key", "verify"]
        let takes = (isSecure ? tls : []) + (kind == .sentinel ? ["sentinel-user", "sentinel-password"] : [])
        switch option {
        case _ where tls.contains(option) && kind != .unix:
            return .invalidURL("\(option) is an option of TLS: expected rediss\(scheme.dropFirst(5))://")
        case "db" where kind == .redis || kind == .sentinel:
            return .invalidURL("the database belongs in the path, as in \(example)")
        case "db" where kind == .cluster:
            return .invalidURL("a cluster only has database 0: expected \(example)")
        case "sentinel-user", "sentinel-password":
            return .invalidURL("\(option) is an option of redis+sentinel://")
        case _ where kind == .unix:
            return .invalidURL("unknown option; redis+unix:// takes db")
        case _ where takes.isEmpty:
            return .invalidURL("\(scheme):// takes no options")
        default:
            let list = "\(takes.dropLast().joined(separator: ", ")) and \(takes[takes.count - 1])"
            return .invalidURL("unknown option; \(scheme):// takes \(list)")
        }
    }

    func credentials() throws(RedisError) -> RedisConfiguration.Credentials? {
        guard let userInfo else { return nil }
        guard let colon = userInfo.firstIndex(of: ":") else {
            throw .invalidURL("expected user:password or :password before the @")
        }
        let user = try RedisURL.decoded(userInfo[..<colon], "user")
        let password = try RedisURL.decoded(userInfo[userInfo.index(after: colon)...], "password")
        guard !user.isEmpty || !password.isEmpty else { return nil }
        return RedisConfiguration.Credentials(user: user.isEmpty ? nil : user, password: password)
    }
}

extension RedisError {
    static func invalidURL(_ message: String) -> RedisError {
        RedisError(.invalidURL, "the Redis URL cannot be read: \(message)")
    }
}
