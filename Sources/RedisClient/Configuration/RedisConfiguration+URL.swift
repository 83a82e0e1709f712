extension RedisConfiguration {
    /// Parses a Redis URL.
    ///
    ///     redis://[[user]:password@]host[:port][/database]
    ///     redis+unix://[[user]:password@]/path/to.sock[?db=0]
    ///     redis+sentinel://[[user]:password@]host[:port][,host[:port]…]/name[/database]
    ///     redis+cluster://[[user]:password@]host[:port][,host[:port]…]
    ///     rediss://…, rediss+sentinel://…, rediss+cluster://…[?ca=FILE&cert=FILE&key=FILE&verify=full|ca|none]
    ///
    /// The options `sentinel-user` and `sentinel-password` are the credentials of Sentinels. User, password, name, path
    /// and option values are percent-decoded. An error message never contains any part of the URL except its scheme,
    /// because an invalid URL may have its password anywhere.
    ///
    /// - Throws: ``RedisError/Code/invalidURL`` with what was expected.
    package init(url: String) throws(RedisError) {
        let parts = try RedisURL(url)
        switch parts.kind {
        case .redis:
            self.init(address: try parts.address(6379))
            database = try Self.database(parts.path.dropFirst(), as: "\(parts.scheme)://127.0.0.1:6379/0")
        case .unix:
            guard parts.hosts.isEmpty, parts.path.hasPrefix("/"), parts.path.count > 1 else {
                throw .invalidURL("expected an absolute path, as in redis+unix:///run/redis.sock")
            }
            self.init(address: .unixSocket(path: try RedisURL.decoded(parts.path, "path")))
        case .sentinel:
            self.init(seeds: try parts.addresses(26379))
            try applySentinel(path: parts.path, scheme: parts.scheme)
        case .cluster:
            self.init(seeds: try parts.addresses(6379))
            guard ["", "/", "/0"].contains(parts.path) else {
                throw .invalidURL("a cluster only has database 0: expected \(parts.example)")
            }
            topology = .cluster
        }
        credentials = try parts.credentials()
        if parts.isSecure { tls = TLS() }
        try apply(parts)
    }

    private init(seeds: [Address]) {
        self.init(address: seeds[0])
        otherSeeds = Array(seeds.dropFirst())
    }

    private mutating func applySentinel(path: Substring, scheme: String) throws(RedisError) {
        let example = "\(scheme)://h1:26379,h2:26379/mymaster/0"
        let parts = path.dropFirst().split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, !first.isEmpty else {
            throw .invalidURL("expected the name of the primary at the Sentinels, as in \(example)")
        }
        let name = try RedisURL.decoded(first, "name of the primary")
        topology = .sentinel(Sentinel(name: name))
        database = try Self.database(parts.dropFirst().first ?? "", as: example)
    }

    private static func database(_ text: Substring, as example: String) throws(RedisError) -> Int {
        if text.isEmpty { return 0 }
        guard text.utf8.allSatisfy({ (48...57).contains($0) }), let number = Int(text) else {
            throw .invalidURL("expected the number of a database, as in \(example)")
        }
        return number
    }
}

// MARK: - Options

extension RedisConfiguration {
    private mutating func apply(_ parts: RedisURL) throws(RedisError) {
        var signIn = (user: String?.none, password: String?.none)
        for (name, text) in parts.options {
            let value = try RedisURL.decoded(text[...], "value of an option")
            switch (name, parts.kind) {
            case ("ca", _) where parts.isSecure: tls?.authorities = value
            case ("cert", _) where parts.isSecure: tls?.certificate = value
            case ("key", _) where parts.isSecure: tls?.key = value
            case ("verify", _) where parts.isSecure:
                guard let verification = TLS.Verification(rawValue: value) else {
                    throw .invalidURL("verify is full (chain and host name), ca (chain only) or none")
                }
                tls?.verification = verification
            case ("db", .unix):
                guard !value.isEmpty else { throw .invalidURL("expected the number of a database after db=") }
                database = try Self.database(value[...], as: "redis+unix:///run/redis.sock?db=0")
            case ("sentinel-user", .sentinel): signIn.user = value
            case ("sentinel-password", .sentinel): signIn.password = value
            default: throw parts.refusal(of: name)
            }
        }
        if let tls, (tls.certificate == nil) != (tls.key == nil) {
            throw .invalidURL("cert and key must be used together")
        }
        guard signIn.user == nil || signIn.password != nil else {
            throw .invalidURL("sentinel-user needs a sentinel-password")
        }
        let isEmpty = (signIn.user ?? "").isEmpty && signIn.password == ""
        if case .sentinel(var sentinel) = topology, let password = signIn.password, !isEmpty {
            sentinel.credentials = Credentials(user: signIn.user, password: password)
            topology = .sentinel(sentinel)
        }
    }
}

// MARK: - The way back

extension RedisConfiguration {
    /// The URL with passwords shown as •••, for logs and messages.
    package var redacted: String {
        let signIn = credentials.map { "\(PercentEncoding.encoded($0.user ?? "")):•••@" } ?? ""
        let scheme = tls == nil ? "redis" : "rediss"
        let hosts = seeds.map(\.description).joined(separator: ",")
        var options: [String] = []
        var url: String
        switch (topology, address) {
        case (.cluster, _): url = "\(scheme)+cluster://\(signIn)\(hosts)"
        case (.sentinel(let sentinel), _):
            let name = PercentEncoding.encoded(sentinel.name)
            url = "\(scheme)+sentinel://\(signIn)\(hosts)/\(name)/\(database)"
            if let user = sentinel.credentials?.user {
                options.append("sentinel-user=\(PercentEncoding.encoded(user, keeping: "/"))")
            }
            if sentinel.credentials != nil { options.append("sentinel-password=•••") }
        case (.standalone, .host): url = "\(scheme)://\(signIn)\(hosts)/\(database)"
        case (.standalone, .unixSocket(let path)):
            return "redis+unix://\(signIn)\(PercentEncoding.encoded(path, keeping: "/"))?db=\(database)"
        }
        if let tls {
            if tls.verification != .full { options.append("verify=\(tls.verification.rawValue)") }
            if let file = tls.authorities { options.append("ca=\(PercentEncoding.encoded(file, keeping: "/"))") }
            if let file = tls.certificate { options.append("cert=\(PercentEncoding.encoded(file, keeping: "/"))") }
            if let file = tls.key { options.append("key=\(PercentEncoding.encoded(file, keeping: "/"))") }
        }
        if !options.isEmpty { url += "?" + options.joined(separator: "&") }
        return url
    }
}
