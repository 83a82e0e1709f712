internal import HTTPTypes
internal import Hummingbird
internal import Metrics

/// Counts and times requests by route, not by path: the number of possible paths is unlimited.
struct RequestMeasurement: RouterMiddleware {
    /// The help texts.
    static let help = [
        requests: "Requests answered by this instance.",
        duration: "Duration of requests to this instance.",
    ]
    private static let requests = "curfew_http_requests_total"
    private static let duration = "curfew_http_request_duration_seconds"

    let registry: Registry

    @concurrent
    func handle(
        _ request: Request, context: AdminContext, next: @concurrent (Request, AdminContext) async throws -> Response
    ) async throws -> Response {
        let begin = ContinuousClock.now
        let response = try await next(request, context)
        let route = context.endpointPath ?? "none"
        Counter(
            label: Self.requests,
            dimensions: [
                ("method", Self.method(request)), ("route", route), ("status", String(response.status.code)),
            ], factory: registry
        ).increment()
        let elapsed = begin.duration(to: .now)
        Timer(label: Self.duration, dimensions: [("route", route)], factory: registry)
            .recordNanoseconds(
                elapsed.components.seconds * 1_000_000_000 + elapsed.components.attoseconds / 1_000_000_000)
        return response
    }

    /// The method of a request; unknown methods share one name, because the caller chooses them.
    private static func method(_ request: Request) -> String {
        let known: [HTTPRequest.Method] = [.get, .head, .post, .put, .delete, .patch, .options]
        return known.contains(request.method) ? request.method.rawValue : "other"
    }
}
