internal import Curfew
internal import HTTPTypes
internal import Hummingbird

/// All routes and their middleware.
enum AdminRouter {
    /// The methods that an existing route answers with 405 if it doesn't support them; other methods have no route.
    static let methods: [HTTPRequest.Method] = [
        .get, .head, .post, .put, .delete, .patch, .options, .trace,
    ]

    static func make(
        _ service: AdminService, _ access: Access, _ dashboard: Dashboard? = nil, connections: Connections
    ) -> Router<AdminContext> {
        let router = Router(context: AdminContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: ErrorMiddleware(logger: service.engine.logger, hasTLS: access.settings.tls != nil))
        // Health checks, the most frequent requests, aren't measured: that would cost more than the answer.
        HealthRoutes(service: service).add(to: router)
        router.add(middleware: Door(access: access))
        router.add(middleware: UnauthenticatedPace(access: access, connections: connections))
        router.add(middleware: RequestMeasurement(registry: service.registry))
        let callers = CallerRoutes(service: service)
        callers.addCron(
            to: router.group().add(middleware: SchedulerRequirement(access: access)).add(middleware: DeliberateGet()))
        let known = router.group().add(middleware: Identification(access: access))
        let viewers = known.group().add(middleware: Requirement(.viewer, access)).add(middleware: OnReaderThreads())
        let admins = known.group().add(middleware: Requirement(.admin, access)).add(middleware: OnReaderThreads())
        MetricsRoute(exposition: Exposition(service: service), access: access)
            .add(to: known.group().add(middleware: OnReaderThreads()))
        ReadingRoutes(service: service).add(to: viewers)
        ActionRoutes(service: service).add(to: admins)
        callers.addReading(to: viewers)
        callers.add(to: admins)
        dashboard?.addRoutes(to: router)
        addMissingMethods(to: router)
        return router
    }

    /// Adds 405 for the other methods of each route.
    private static func addMissingMethods(to router: Router<AdminContext>) {
        let routes = Dictionary(grouping: router.routes) { $0.path.description }
        for same in routes.values {
            guard let path = same.first?.path else { continue }
            var allowed = Set(same.map(\.method))
            if allowed.contains(.get), path != CallerRoutes.cron { allowed.insert(.head) }
            let text = allowed.map(\.rawValue).sorted().joined(separator: ", ")
            for method in methods where !allowed.contains(method) {
                router.on(path, method: method) { request, _ -> Response in
                    throw AdminError(
                        .methodNotAllowed, "\(request.uri.path) does not support \(request.method): expected \(text)",
                        headers: [.allow: text])
                }
            }
        }
    }
}
