/// A page that can be kept up to date.
enum LiveSubject: Hashable, Sendable {
    /// The overview.
    case overview
    /// The page of a cleanup.
    case cleanup(String)

    /// The subject named in a request; nil if there is none.
    init?(text: String) {
        if text == "overview" {
            self = .overview
        } else if text.hasPrefix("cleanup:") {
            self = .cleanup(String(text.dropFirst("cleanup:".count)))
        } else {
            return nil
        }
    }

    /// The name used in requests.
    var text: String {
        switch self {
        case .overview: "overview"
        case .cleanup(let name): "cleanup:" + name
        }
    }
}
