internal import RedisClient

/// The addresses of pages, with names in them encoded.
enum Link {
    /// The first page.
    static let home = "/"
    /// Where a token is asked for, and where a session ends.
    static let signIn = "/sign-in", signOut = "/sign-out"
    /// Where live parts come from.
    static let live = "/live"

    /// The page of a cleanup, or what hangs on it.
    static func cleanup(_ name: String, _ part: String = "") -> String {
        "/cleanups/" + PercentEncoding.encoded(name) + (part.isEmpty ? "" : "/" + part)
    }

    /// The page of a run, or what hangs on it.
    static func run(_ run: String, _ part: String = "") -> String {
        "/runs/" + PercentEncoding.encoded(run) + (part.isEmpty ? "" : "/" + part)
    }
}
