internal import HTTPTypes
internal import Hummingbird
internal import Metrics

/// Counts and times requests, by the route and not by the path: paths are as many as somebody likes to try.
struct RequestMeasurement: RouterMiddleware {
    /// The help of what it measures.
    static let help = [
        requests: "Requests answered by this instance.",
        duration: "How long requests to this instance took.",
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

    /// A method that nobody knows is called so: its name is the caller's choice.
    private static func method(_ request: Request) -> String {
        let known: [HTTPRequest.Method] = [.get, .head, .post, .put, .delete, .patch, .options]
        return known.contains(request.method) ? request.method.rawValue : "other"
    }
}
