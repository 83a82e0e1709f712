internal import RedisClient

/// The URLs of pages, with encoded names.
enum Link {
    /// The overview.
    static let home = "/"
    /// The sign-in page, and the sign-out action.
    static let signIn = "/sign-in", signOut = "/sign-out"
    /// The stream of page updates.
    static let live = "/live"

    /// The search for a record.
    static let records = "/records"

    /// The page of a record, or a later part of its events; nil if its id is too long for a link.
    static func record(_ id: String, of cleanup: String? = nil, before: String? = nil) -> String? {
        guard !id.isEmpty, id.utf8.count <= 600 else { return nil }
        let parts = [("id", id), ("cleanup", cleanup), ("before", before)].compactMap { name, value in
            value.map { "\(name)=\(PercentEncoding.encoded($0))" }
        }
        return records + "?" + parts.joined(separator: "&")
    }

    /// The charts of a cleanup, or of all.
    static func charts(_ range: String, of cleanup: String?) -> String {
        "/charts?range=\(range)" + (cleanup.map { "&cleanup=\(PercentEncoding.encoded($0))" } ?? "")
    }

    /// The page of a cleanup, or a part of it.
    static func cleanup(_ name: String, _ part: String = "") -> String {
        "/cleanups/" + PercentEncoding.encoded(name) + (part.isEmpty ? "" : "/" + part)
    }

    /// The page of a run, or a part of it.
    static func run(_ run: String, _ part: String = "") -> String {
        "/runs/" + PercentEncoding.encoded(run) + (part.isEmpty ? "" : "/" + part)
    }
}
