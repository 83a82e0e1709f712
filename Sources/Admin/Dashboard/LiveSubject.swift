/// A page that can be watched.
enum LiveSubject: Hashable, Sendable {
    /// The first page.
    case overview
    /// The page of a cleanup.
    case cleanup(String)

    /// The subject that a request names; nil where it names none.
    init?(text: String) {
        if text == "overview" {
            self = .overview
        } else if text.hasPrefix("cleanup:") {
            self = .cleanup(String(text.dropFirst("cleanup:".count)))
        } else {
            return nil
        }
    }

    /// As requests name it.
    var text: String {
        switch self {
        case .overview: "overview"
        case .cleanup(let name): "cleanup:" + name
        }
    }
}
