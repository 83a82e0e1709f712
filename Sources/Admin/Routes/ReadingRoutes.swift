internal import Curfew
internal import Foundation
internal import HTTPTypes
internal import Hummingbird

/// The routes for viewers: cleanups, runs, events, records, alerts.
struct ReadingRoutes {
    let service: AdminService

    /// The query parameters of every list.
    private static let part = ["limit", "cursor"]

    func add(to router: some RouterMethods<AdminContext>) {
        addCleanups(to: router)
        router.get("api/v1/runs") { request, _ in
            let query = try Query(request, known: Self.part + ["cleanup"])
            return try JSONAnswer.response(await service.runs(query.part(), cleanup: query.text("cleanup")))
        }
        router.get("api/v1/runs/:run") { request, context in
            _ = try Query(request, known: [])
            return try JSONAnswer.response(await service.run(context.name("run")))
        }
        router.get("api/v1/runs/:run/events") { request, context in
            let query = try Query(request, known: Self.part)
            let run = try context.name("run")
            // An unknown run is 404, not an empty list.
            _ = try await service.run(run)
            return try JSONAnswer.response(await service.events(query.part(), run: run))
        }
        router.get("api/v1/runs/:run/errors") { request, context in
            let query = try Query(request, known: Self.part)
            let run = try context.name("run")
            _ = try await service.run(run)
            return try JSONAnswer.response(await service.errors(of: run, query.part()))
        }
        router.get("api/v1/events") { request, _ in
            let query = try Query(request, known: Self.part + ["cleanup"])
            return try JSONAnswer.response(await service.events(query.part(), cleanup: query.text("cleanup")))
        }
        router.get("api/v1/records") { request, _ in
            let query = try Query(request, known: Self.part + ["cleanup", "id"])
            guard let id = query.text("id") else {
                throw AdminError(.badRequest, "id: missing, expected the id of a record, or its key")
            }
            return try JSONAnswer.response(
                await service.record(id, cleanup: query.text("cleanup"), query.part()))
        }
        router.get("api/v1/alerts") { request, _ in
            let query = try Query(request, known: Self.part)
            let listing = try await service.alerts(query.part())
            return try JSONAnswer.response(
                AlertList(firing: await service.firing(), items: listing.items, next: listing.next))
        }
        router.get("openapi.json") { _, _ in
            Response(
                status: .ok, headers: [.contentType: "application/json; charset=utf-8"],
                body: ResponseBody(byteBuffer: OpenAPI.document))
        }
    }

    private func addCleanups(to router: some RouterMethods<AdminContext>) {
        router.get("api/v1/cleanups") { request, _ in
            _ = try Query(request, known: [])
            return try JSONAnswer.response(await service.status())
        }
        router.get("api/v1/cleanups/:name") { request, context in
            _ = try Query(request, known: [])
            return try JSONAnswer.response(await service.cleanup(context.name("name")))
        }
        router.get("api/v1/cleanups/:name/preview") { request, context in
            let query = try Query(request, known: ["at", "limit", "timeoutMs"])
            let timeout = try query.integer("timeoutMs", in: ActionRoutes.timeouts)
            let result = try await service.preview(
                context.name("name"), ahead: query.duration("at") ?? .zero,
                limit: query.integer("limit", in: ActionRoutes.limits), timeout: timeout.map { .milliseconds($0) })
            return try JSONAnswer.response(result.envelope)
        }
        router.get("api/v1/cleanups/:name/stats") { request, context in
            _ = try Query(request, known: [])
            return try JSONAnswer.response(await service.stats(context.name("name")))
        }
    }

    /// The firing alerts, and a page of the alert history.
    private struct AlertList: Encodable {
        var firing: [FiringAlert]
        var items: [[String: String]]
        var next: String?
    }
}

extension AdminContext {
    /// A decoded path parameter.
    func name(_ key: String) throws -> String {
        let text = try parameters.require(key)
        return PercentText.decoded(text.utf8)
    }
}
