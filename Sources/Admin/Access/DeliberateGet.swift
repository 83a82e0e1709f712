internal import HTTPTypes
internal import Hummingbird

/// Lets only a deliberate `GET` through to routes that run something.
///
/// External schedulers can often send nothing but a `GET`. But a `HEAD` must not run anything, and neither must a browser
/// or a proxy that fetches an address because it may be needed later.
struct DeliberateGet: RouterMiddleware {
    /// The headers that announce such a request.
    private static let headers = ["sec-purpose", "purpose", "x-purpose", "x-moz"]
    private static let words = ["prefetch", "prerender", "preview"]

    @concurrent
    func handle(
        _ request: Request, context: AdminContext, next: @concurrent (Request, AdminContext) async throws -> Response
    ) async throws -> Response {
        guard request.method == .get else {
            throw Self.refusal("\(request.uri.path) does not support \(request.method)")
        }
        if let header = request.headers.first(where: Self.isSpeculative) {
            throw Self.refusal(
                "\(request.uri.path) runs nothing for a prefetch (\(header.name.rawName): \(header.value))")
        }
        return try await next(request, context)
    }

    private static func isSpeculative(_ field: HTTPField) -> Bool {
        guard headers.contains(field.name.canonicalName) else { return false }
        let value = field.value.lowercased()
        return words.contains { value.contains($0) }
    }

    private static func refusal(_ what: String) -> AdminError {
        AdminError(.methodNotAllowed, "\(what): expected a deliberate GET", headers: [.allow: "GET"])
    }
}
