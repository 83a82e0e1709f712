/// Where secrets stand in a configuration, for everything that shows or hashes it.
enum SecretKeys {
    /// The places, `*` being any name.
    ///
    /// An address that is called may hold a secret in its path.
    private static let places = [
        ["redis"], ["redis-user"], ["redis-password"], ["webhooks", "*", "url"], ["webhooks", "*", "secret"],
        ["cleanups", "*", "ping"],
        ["storage", "*", "access-key"], ["storage", "*", "secret-key"], ["storage", "*", "session-token"],
        ["http", "admin-token"], ["http", "viewer-token"], ["http", "cron-secret"], ["http", "admins"],
        ["http", "viewers"], ["mail", "smtp"],
    ]

    /// Whether an address stands at a path, written with points, that may name a user and a password.
    static func isAddress(_ path: String) -> Bool {
        path == "redis" || path.hasPrefix("webhooks.") && path.hasSuffix(".url")
            || path.hasPrefix("cleanups.") && path.hasSuffix(".ping")
    }

    /// Whether what stands at a path from the top of the file is a secret, or lies in one.
    static func cover(_ path: [String]) -> Bool {
        places.contains { $0.count <= path.count && zip($0, path).allSatisfy { $0 == "*" || $0 == $1 } }
    }
}

extension String {
    /// The text with what stands before the host of an address withheld: `https://ada:secret@host` is `https://•••@host`.
    ///
    /// People put an address where another is expected, and messages quote what they found.
    var withoutCredentials: String {
        guard contains("@"), contains("://") else { return self }
        return replacing(/:\/\/[^\/\s]*@/) { _ in "://•••@" }
    }
}
