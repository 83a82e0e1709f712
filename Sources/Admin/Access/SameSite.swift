internal import HTTPTypes
internal import Hummingbird

/// Refuses requests that another site made a browser send.
///
/// Browsers report where a request comes from; programs don't.
enum SameSite {
    /// Throws 403 for such a request if it could change something.
    ///
    /// - Parameter isUnsafe: whether it could; nil decides by the method.
    static func check(_ request: Request, _ context: AdminContext, isUnsafe: Bool? = nil) throws(AdminError) {
        guard isUnsafe ?? ![.get, .head, .options].contains(request.method) else { return }
        let site = value("sec-fetch-site", request)
        let isForeign = site.map { !["same-origin", "none"].contains($0.lowercased()) } ?? false
        // If the browser reports no origin, the referring page counts.
        let source = value("origin", request) ?? value("referer", request)
        guard isForeign || !(source.map { isOwn($0, request, context) } ?? true) else { return }
        throw AdminError(.forbidden, "the request comes from another site: expected one from this page, or a token")
    }

    /// Whether a route refuses other sites even though it only reads, because it is long-running or expensive.
    static func isGuarded(_ path: String?) -> Bool {
        guard let path else { return false }
        return ["/live", "/preview", "/stats", "/records"].contains { path.hasSuffix($0) }
    }

    /// Whether an address belongs to this server, under a host name of this request.
    private static func isOwn(_ address: String, _ request: Request, _ context: AdminContext) -> Bool {
        guard let match = address.wholeMatch(of: /([A-Za-z]+):\/\/([^\/?#]*).*/), let place = HostText(match.2) else {
            return false
        }
        return [request.head.authority, context.forwardedHost].contains { name in
            name.flatMap { HostText($0) }?.isSame(as: place, scheme: match.1.lowercased()) ?? false
        }
    }

    private static func value(_ name: String, _ request: Request) -> String? {
        request.headers.first { $0.name.canonicalName == name }?.value
    }
}
