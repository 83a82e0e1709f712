internal import Curfew
internal import HTTPTypes
internal import Hummingbird

/// The routes of existing callers, with the answers that they expect.
struct CallerRoutes {
    let service: AdminService

    /// `GET /api/cron/{name}`: for external schedulers.
    func addCron(to router: some RouterMethods<AdminContext>) {
        router.get("api/cron/:name") { request, context in
            _ = try Query(request, known: [])
            let name = try context.name("name")
            if let cleanups = service.engine.configuration.cleanups(behind: name) {
                let runs = try await service.runAll(cleanups, .init(), trigger: "cron", by: context.person)
                return try JSONAnswer.response(runs.answer)
            }
            let result = try await service.run(name, trigger: "cron", by: context.person)
            return try JSONAnswer.response(result.envelope)
        }
    }

    func add(to router: some RouterMethods<AdminContext>) {
        router.post("api/admin/jobs/cleanup") { request, context in
            let body = try await RequestBody(request, known: ["timeoutMs", "dryRun", "batchSize"])
            let options = Control.RunOptions(
                dryRun: try body.flag("dryRun") ?? false, limit: try body.integer("batchSize", in: ActionRoutes.limits),
                timeout: try body.integer("timeoutMs", in: ActionRoutes.timeouts).map { .milliseconds($0) })
            let cleanups = service.engine.configuration.cleanups(behind: RouteNames.jobs) ?? []
            let runs = try await service.runAll(cleanups, options, trigger: "manual", by: context.person)
            return try JSONAnswer.response(runs.answer)
        }
        router.post("api/jobs/run") { request, context in
            let body = try await RequestBody(request, known: ["job_type"])
            let configuration = service.engine.configuration
            guard let type = try body.text("job_type", atMost: 64) else {
                throw AdminError(.badRequest, "job_type: missing, expected “\(RouteNames.all)”")
            }
            guard type != RouteNames.jobs, let cleanups = configuration.cleanups(behind: type) else {
                let names = Set(configuration.routes.names.keys).union([RouteNames.all]).subtracting([RouteNames.jobs])
                throw AdminError(
                    .notFound,
                    "job_type: unknown type “\(type)”, expected one of \(names.sorted().joined(separator: ", "))")
            }
            let runs = try await service.runAll(cleanups, .init(), trigger: "manual", by: context.person)
            return try JSONAnswer.response(runs.jobAnswer(configuration))
        }
    }
}
