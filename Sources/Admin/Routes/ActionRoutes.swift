internal import Curfew
internal import HTTPTypes
internal import Hummingbird
internal import RedisClient

/// The routes for admins: run, pause, resume, cancel, undo.
struct ActionRoutes {
    /// The accepted timeouts in milliseconds: up to ten years.
    static let timeouts = 1...315_360_000_000
    /// The accepted record limits.
    static let limits = 1...100_000_000

    let service: AdminService

    func add(to router: some RouterMethods<AdminContext>) {
        router.post("api/v1/cleanups/:name/runs") { request, context in
            let known = ["dryRun", "limit", "timeoutMs", "overrideGuard", "noTrash", "why"]
            let body = try await RequestBody(request, known: known)
            var options = Control.RunOptions(
                dryRun: try body.flag("dryRun") ?? false, limit: try body.integer("limit", in: Self.limits),
                timeout: try body.integer("timeoutMs", in: Self.timeouts).map { .milliseconds($0) },
                overrideGuard: try body.flag("overrideGuard") ?? false, keepsTrash: try body.flag("noTrash") != true)
            options.why = try body.text("why", atMost: 500)
            let result = try await service.run(context.name("name"), options, by: context.person)
            return try JSONAnswer.response(result.envelope)
        }
        router.post("api/v1/cleanups/:name/pause") { request, context in
            let body = try await RequestBody(request, known: ["why"])
            guard let why = try body.text("why", atMost: 500), !why.readable.allSatisfy(\.isWhitespace) else {
                throw AdminError(.badRequest, "why: missing, expected a reason")
            }
            return try JSONAnswer.response(await service.pause(context.name("name"), why: why, by: context.person))
        }
        router.post("api/v1/cleanups/:name/resume") { request, context in
            let skip = try await RequestBody(request, known: ["skip"]).flag("skip") ?? false
            return try JSONAnswer.response(
                await service.resume(context.name("name"), skip: skip, by: context.person))
        }
        router.post("api/v1/cleanups/:name/cancel") { request, context in
            _ = try await RequestBody(request, known: [])
            return try JSONAnswer.response(await service.cancel(context.name("name"), by: context.person))
        }
        router.post("api/v1/cleanups/:name/forget") { request, context in
            _ = try await RequestBody(request, known: [])
            return try JSONAnswer.response(await service.forget(context.name("name"), by: context.person))
        }
        router.post("api/v1/runs/:run/undo") { request, context in
            let record = try await RequestBody(request, known: ["record"]).text("record", atMost: 4_096)
            let result = try await service.undo(context.name("run"), record: record, by: context.person)
            return try JSONAnswer.response(result.envelope)
        }
    }
}
