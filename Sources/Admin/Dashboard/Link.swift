internal import RedisClient

/// The URLs of pages, with encoded names.
enum Link {
    /// The overview.
    static let home = "/"
    /// The sign-in page, and the sign-out action.
    static let signIn = "/sign-in", signOut = "/sign-out"
    /// The stream of page updates.
    static let updates = "/live"

    /// The updates of a page that shows these parts.
    static func live(_ subject: LiveSubject, showing parts: [Fragment]) -> String {
        let version = LiveMessage.version((parts + [.connected]).map(ShownPart.init))
        return "\(updates)?page=\(PercentEncoding.encoded(subject.text))&seen=\(version)"
    }

    /// A page of the list of cleanups: those in a state, and with a text in their names.
    static func cleanups(state: String? = nil, name: String? = nil, page: Int = 1) -> String {
        list("/cleanups", [("state", state), ("name", name)], page)
    }

    /// A page of the list of instances: those in a state, with a version and a configuration, and with a text in their
    /// names.
    static func instances(
        state: String? = nil, version: String? = nil, configuration: String? = nil, name: String? = nil, page: Int = 1
    ) -> String {
        list(
            "/instances",
            [("state", state), ("version", version), ("configuration", configuration), ("name", name)], page)
    }

    /// A page of everything that needs attention.
    static func attention(page: Int = 1) -> String { list("/attention", [], page) }

    private static func list(_ path: String, _ words: [(String, String?)], _ page: Int) -> String {
        let given = words.compactMap { name, value in
            value.flatMap { $0.isEmpty ? nil : "\(name)=\(PercentEncoding.encoded($0))" }
        }
        let all = given + (page > 1 ? ["page=\(page)"] : [])
        return path + (all.isEmpty ? "" : "?" + all.joined(separator: "&"))
    }

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
