/// The places of secrets in a configuration, for everything that shows or hashes it.
enum SecretKeys {
    /// The places; `*` means any name.
    ///
    /// The address of a webhook or ping may contain a secret in its path.
    private static let places = [
        ["redis"], ["redis-user"], ["redis-password"], ["webhooks", "*", "url"], ["webhooks", "*", "secret"],
        ["cleanups", "*", "ping"],
        ["storage", "*", "access-key"], ["storage", "*", "secret-key"], ["storage", "*", "session-token"],
        ["http", "admin-token"], ["http", "viewer-token"], ["http", "cron-secret"], ["http", "admins"],
        ["http", "viewers"], ["mail", "smtp"], ["otel", "endpoint"], ["otel", "headers"],
    ]

    /// Whether an address at this dotted path may contain a user and a password.
    static func isAddress(_ path: String) -> Bool {
        ["redis", "mail.smtp", "otel.endpoint"].contains(path) || path.hasPrefix("webhooks.") && path.hasSuffix(".url")
            || path.hasPrefix("cleanups.") && path.hasSuffix(".ping")
    }

    /// Whether the value at a path is a secret or part of one.
    static func cover(_ path: [String]) -> Bool {
        places.contains { $0.count <= path.count && zip($0, path).allSatisfy { $0 == "*" || $0 == $1 } }
    }
}

extension String {
    /// The text with the user part of an address masked: `https://ada:secret@host` becomes `https://•••@host`.
    ///
    /// People sometimes write an address where another value is expected, and messages quote what they found.
    var withoutCredentials: String {
        guard contains("@"), contains("://") else { return self }
        return replacing(/:\/\/[^\/\s]*@/) { _ in "://•••@" }
    }
}
