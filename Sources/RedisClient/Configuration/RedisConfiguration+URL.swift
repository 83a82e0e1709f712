extension RedisConfiguration {
    /// Reads a Redis URL.
    ///
    ///     redis://[[user]:password@]host[:port][/database]
    ///     rediss://…[?ca=FILE&cert=FILE&key=FILE&verify=full|ca|none]
    ///     redis+unix://[[user]:password@]/path/to.sock[?db=0]
    ///
    /// User, password, path and option values are percent-decoded. A message never repeats any part of the URL but its
    /// scheme, because a URL that can't be read may hold its password anywhere.
    ///
    /// - Throws: ``RedisError/Code/invalidURL``, saying what was expected.
    package init(url: String) throws(RedisError) {
        let parts = try RedisURL(url)
        switch parts.scheme {
        case "redis", "rediss":
            self.init(address: try parts.hostAddress())
            database = try Self.database(parts.path.isEmpty || parts.path == "/" ? "0" : String(parts.path.dropFirst()))
        case "redis+unix":
            guard parts.host.isEmpty, parts.path.hasPrefix("/"), parts.path.count > 1 else {
                throw .invalidURL("expected an absolute path, as in redis+unix:///run/redis.sock")
            }
            self.init(address: .unixSocket(path: try percentDecoded(parts.path, "path")))
        case "redis+sentinel", "redis+cluster":
            throw .invalidURL("\(parts.scheme):// is not available in this version; expected \(RedisURL.schemes)")
        default:
            throw .invalidURL("expected \(RedisURL.schemes) at the start")
        }
        credentials = try parts.credentials()
        if parts.scheme == "rediss" {
            tls = TLS()
        }
        for (name, value) in parts.options {
            try apply(option: name, value, scheme: parts.scheme)
        }
        if let tls, (tls.certificate == nil) != (tls.key == nil) {
            throw .invalidURL("cert and key go together: a client's certificate is of no use without its key")
        }
    }

    private mutating func apply(option name: String, _ text: String, scheme: String) throws(RedisError) {
        let value = try percentDecoded(text[...], "value of an option")
        switch (scheme, name) {
        case ("redis+unix", "db"): database = try Self.database(value)
        case ("rediss", "ca"): tls?.authorities = value
        case ("rediss", "cert"): tls?.certificate = value
        case ("rediss", "key"): tls?.key = value
        case ("rediss", "verify"):
            guard let verification = TLS.Verification(rawValue: value) else {
                throw .invalidURL("verify is full (chain and host name), ca (chain alone) or none")
            }
            tls?.verification = verification
        case ("redis", "ca"), ("redis", "cert"), ("redis", "key"), ("redis", "verify"):
            throw .invalidURL("\(name) is an option of TLS: expected rediss://")
        case ("redis", "db"), ("rediss", "db"):
            throw .invalidURL("the database is given as a path, as in \(scheme)://127.0.0.1:6379/0")
        case ("rediss", _): throw .invalidURL("unknown option; rediss:// takes ca, cert, key and verify")
        case ("redis+unix", _): throw .invalidURL("unknown option; redis+unix:// takes db")
        default: throw .invalidURL("redis:// takes no options")
        }
    }

    private static func database(_ text: String) throws(RedisError) -> Int {
        guard !text.isEmpty, text.utf8.allSatisfy({ (48...57).contains($0) }), let number = Int(text) else {
            throw .invalidURL("expected the number of a database, as in redis://127.0.0.1:6379/0")
        }
        return number
    }

    /// The URL with the password shown as •••, for logs and messages.
    package var redacted: String {
        let signIn = credentials.map { "\(percentEncoded($0.user ?? "")):•••@" } ?? ""
        switch address {
        case .host:
            var url = "\(tls == nil ? "redis" : "rediss")://\(signIn)\(address)/\(database)"
            var options: [String] = []
            if let tls {
                if tls.verification != .full { options.append("verify=\(tls.verification.rawValue)") }
                if let file = tls.authorities { options.append("ca=\(percentEncoded(file))") }
                if let file = tls.certificate { options.append("cert=\(percentEncoded(file))") }
                if let file = tls.key { options.append("key=\(percentEncoded(file))") }
            }
            if !options.isEmpty { url += "?" + options.joined(separator: "&") }
            return url
        case .unixSocket(let path):
            return "redis+unix://\(signIn)\(percentEncoded(path))?db=\(database)"
        }
    }
}
