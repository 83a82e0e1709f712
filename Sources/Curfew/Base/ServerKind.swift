internal import RedisClient

/// The kind of a server, as it reports: many servers speak the Redis protocol but lack some of its features.
struct ServerKind: Sendable {
    /// Its name: `Redis`, `Valkey`, `Dragonfly`.
    let name: String
    /// Its own version.
    let version: String
    /// The version of Redis that it is compatible with; for Redis, its own version.
    let redisVersion: String
    /// Its provider, if known: `Amazon ElastiCache`.
    let host: String?

    /// The fields with the version of servers other than Redis, and their names.
    private static let others = [
        ("valkey_version", "Valkey"), ("dragonfly_version", "Dragonfly"), ("keydb_version", "KeyDB"),
        ("garnet_version", "Garnet"), ("kvrocks_version", "Kvrocks"), ("upstash_version", "Upstash"),
    ]

    /// Words in the fields `os` and `executable` that identify a provider.
    private static let hosts = [
        ("elasticache", "Amazon ElastiCache"), ("memorydb", "Amazon MemoryDB"), ("amazon", "Amazon"),
        ("memorystore", "Google Memorystore"), ("azure", "Azure Cache"), ("aiven", "Aiven"),
        ("digitalocean", "DigitalOcean"), ("heroku", "Heroku"), ("rlec", "Redis Enterprise"),
    ]

    /// Parses `INFO server`, or a longer `INFO`.
    init(info text: String) {
        var info: [String: String] = [:]
        for line in text.split(whereSeparator: \.isNewline) {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2 { info[String(parts[0]).lowercased()] = String(parts[1]) }
        }
        redisVersion = info["redis_version"] ?? "unknown"
        let place = "\(info["os"] ?? "") \(info["executable"] ?? "") \(info["config_file"] ?? "")".lowercased()
        let known = Self.others.first { info[$0.0] != nil }
        let says = info["server_name"]?.lowercased() ?? ""
        if let known {
            (name, version) = (known.1, info[known.0] ?? "unknown")
        } else if let named = Self.others.first(where: {
            says == $0.1.lowercased() || place.contains($0.1.lowercased())
        }) {
            (name, version) = (named.1, redisVersion)
        } else if info["mvcc_depth"] != nil {
            (name, version) = ("KeyDB", redisVersion)
        } else {
            (name, version) = ("Redis", redisVersion)
        }
        host =
            info["rlec_version"] != nil ? "Redis Enterprise" : Self.hosts.first { place.contains($0.0) }?.1
    }

    /// The name with the version: `Redis 7.0.15`, `Valkey 9.1.0 (Redis 7.2.4)`, `Redis 7.1.0 at Amazon ElastiCache`.
    var description: String {
        let number = version.hasPrefix("df-v") ? String(version.dropFirst("df-v".count)) : version
        let like = name == "Redis" || redisVersion == version ? "" : " (Redis \(redisVersion))"
        return "\(name) \(number)\(like)" + (host.map { " at \($0)" } ?? "")
    }

    /// Whether this server version normally has functions.
    var shouldHaveFunctions: Bool {
        let major = redisVersion.split(separator: ".").first.flatMap { Int($0) } ?? 0
        return major >= 7 && host == nil && ["Redis", "Valkey"].contains(name)
    }
}
