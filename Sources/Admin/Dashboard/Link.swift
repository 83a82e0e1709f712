internal import RedisClient

/// The URLs of pages, with encoded names.
enum Link {
    /// The overview.
    static let home = "/"
    /// The sign-in page, and the sign-out action.
    static let signIn = "/sign-in", signOut = "/sign-out"
    /// The stream of page updates.
    static let live = "/live"

    /// The page of a cleanup, or a part of it.
    static func cleanup(_ name: String, _ part: String = "") -> String {
        "/cleanups/" + PercentEncoding.encoded(name) + (part.isEmpty ? "" : "/" + part)
    }

    /// The page of a run, or a part of it.
    static func run(_ run: String, _ part: String = "") -> String {
        "/runs/" + PercentEncoding.encoded(run) + (part.isEmpty ? "" : "/" + part)
    }
}
