internal import Curfew
internal import HTTPTypes
internal import Hummingbird
internal import RedisClient

/// The routes of existing callers, with the answers that they expect.
struct CallerRoutes {
    /// The route of external schedulers: the only one that runs something after a `GET`.
    static let cron: RouterPath = "api/cron/:name"
    /// The most records that `POST /api/admin/jobs/cleanup` changes per cleanup, if neither the body nor the file says.
    static let batchSize = 100

    let service: AdminService

    /// `GET /api/cron/{name}`: for external schedulers.
    func addCron(to router: some RouterMethods<AdminContext>) {
        router.get(Self.cron) { request, context in
            _ = try Query(request, known: [])
            let name = try context.name("name")
            let configuration = service.engine.configuration
            if let cleanups = configuration.cleanups(behind: name) {
                let runs = try await service.runAll(cleanups, type: name, trigger: "cron", by: context.person)
                return try JSONAnswer.response(runs.answer(configuration))
            }
            let result = try await service.run(name, trigger: "cron", by: context.person)
            return try JSONAnswer.response(result.envelope)
        }
    }

    /// The routes for admins.
    func add(to router: some RouterMethods<AdminContext>) {
        router.post("api/admin/jobs/cleanup") { request, context in
            let body = try await RequestBody(request, known: ["timeoutMs", "dryRun", "batchSize"])
            let asked = Control.RunOptions(
                dryRun: try body.flag("dryRun") ?? false, limit: try body.integer("batchSize", in: ActionRoutes.limits),
                timeout: try body.integer("timeoutMs", in: ActionRoutes.timeouts).map { .milliseconds($0) })
            let configuration = service.engine.configuration
            let runs = try await service.runAll(
                configuration.cleanups(behind: RouteNames.jobs) ?? [], type: RouteNames.jobs, trigger: "manual",
                by: context.person
            ) { cleanup in
                var options = asked
                options.limit = asked.limit ?? cleanup.limit ?? Self.batchSize
                return options
            }
            return try JSONAnswer.response(runs.answer(configuration))
        }
        router.post("api/jobs/run") { request, context in
            let query = try Query(request, known: ["job_type", "wait"])
            let body = try await RequestBody(request, known: ["job_type"])
            let waits = try query.flag("wait") ?? true
            let (type, cleanups) = try cleanups(query: query.text("job_type"), body: body.text("job_type", atMost: 64))
            guard waits else { return try await begin(cleanups, type: type, by: context.person) }
            let runs = try await service.runAll(cleanups, type: type, trigger: "manual", by: context.person)
            return try JSONAnswer.response(runs.jobAnswer(service.engine.configuration))
        }
        router.post("api/jobs/:id/cancel") { request, context in
            _ = try await RequestBody(request, known: [])
            return try JSONAnswer.response(await service.cancel(job: context.name("id"), by: context.person))
        }
    }

    /// The routes for viewers.
    func addReading(to router: some RouterMethods<AdminContext>) {
        router.get("api/jobs/:id") { request, context in
            _ = try Query(request, known: [])
            return try JSONAnswer.response(await service.job(context.name("id")))
        }
    }

    /// The asked type, and the cleanups behind it.
    private func cleanups(query: String?, body: String?) throws(AdminError) -> (String, [Cleanup]) {
        if let query, let body, query != body {
            throw AdminError(
                .badRequest, "job_type: expected one, found “\(query)” in the query and “\(body)” in the body")
        }
        guard let type = body ?? query else {
            throw AdminError(.badRequest, "job_type: missing, expected “\(RouteNames.all)”")
        }
        let configuration = service.engine.configuration
        guard type != RouteNames.jobs, let cleanups = configuration.cleanups(behind: type) else {
            let names = configuration.routeNames.filter { $0 != RouteNames.jobs }.joined(separator: ", ")
            throw AdminError(.notFound, "job_type: unknown type “\(type)”, expected one of \(names)")
        }
        return (type, cleanups)
    }

    /// What is answered before the first run.
    private struct Begun: Encodable {
        var id: String, status: String
    }

    private func begin(_ cleanups: [Cleanup], type: String, by person: String) async throws -> Response {
        let id = try await service.begin(cleanups, type: type, by: person)
        var response = try JSONAnswer.response(
            Begun(id: id, status: GroupState.Status.running.rawValue), status: .accepted)
        response.headers[.location] = "/api/jobs/\(id)"
        return response
    }
}
