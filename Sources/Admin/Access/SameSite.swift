internal import HTTPTypes
internal import Hummingbird

/// Refuses what another site made a browser send: browsers say where a request comes from, programs say nothing.
enum SameSite {
    /// Throws 403 for such a request where it could change something.
    ///
    /// - Parameter isUnsafe: whether it could; nil goes by the method.
    static func check(_ request: Request, isUnsafe: Bool? = nil) throws(AdminError) {
        guard isUnsafe ?? ![.get, .head, .options].contains(request.method) else { return }
        let site = value("sec-fetch-site", request)
        let isForeign = site.map { !["same-origin", "none"].contains($0) } ?? false
        let origin = value("origin", request).map { $0.split(separator: "/").last.map(String.init) ?? $0 }
        guard isForeign || (origin != nil && origin != request.head.authority) else { return }
        throw AdminError(.forbidden, "the request comes from another site: expected one of this page, or a token")
    }

    /// The host that a request is for, without its port and brackets.
    static func host(of request: Request) -> String? {
        guard let authority = request.head.authority else { return nil }
        if authority.hasPrefix("["), let end = authority.firstIndex(of: "]") {
            return String(authority[authority.index(after: authority.startIndex)..<end])
        }
        return authority.split(separator: ":").first.map { $0.lowercased() }
    }

    private static func value(_ name: String, _ request: Request) -> String? {
        request.headers.first { $0.name.canonicalName == name }?.value
    }
}
