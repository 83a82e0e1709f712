internal import HTTPTypes
internal import Hummingbird

/// Refuses what another site made a browser send: browsers say where a request comes from, programs say nothing.
enum SameSite {
    /// Throws 403 for such a request where it could change something.
    ///
    /// - Parameter isUnsafe: whether it could; nil goes by the method.
    static func check(_ request: Request, _ context: AdminContext, isUnsafe: Bool? = nil) throws(AdminError) {
        guard isUnsafe ?? ![.get, .head, .options].contains(request.method) else { return }
        let site = value("sec-fetch-site", request)
        let isForeign = site.map { !["same-origin", "none"].contains($0.lowercased()) } ?? false
        // What a browser says of the page that is left counts where it says nothing of its origin.
        let source = value("origin", request) ?? value("referer", request)
        guard isForeign || !(source.map { isOwn($0, request, context) } ?? true) else { return }
        throw AdminError(.forbidden, "the request comes from another site: expected one of this page, or a token")
    }

    /// Whether a route is kept from other sites also where it only reads: it lasts, or costs more than a page.
    static func isGuarded(_ path: String?) -> Bool {
        guard let path else { return false }
        return path.hasSuffix("/live") || path.hasSuffix("/preview") || path.hasSuffix("/stats")
    }

    /// Whether an address is one of this server, under one of the names that it was asked for by.
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
