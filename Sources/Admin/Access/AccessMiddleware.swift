package import Hummingbird

/// Finds out what a request may do, for everything behind it.
struct Identification: RouterMiddleware {
    let access: Access

    @concurrent
    func handle(
        _ request: Request, context: AdminContext, next: @concurrent (Request, AdminContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        context.role = try access.role(of: request, context)
        if let role = context.role { context.person = "\(role)@\(context.clientAddress)" }
        return try await next(request, context)
    }
}

/// Lets through who may do at least that: without token or session 401, with less than that 403.
package struct Requirement: RouterMiddleware {
    let role: Role

    /// Requires a role.
    package init(_ role: Role) {
        self.role = role
    }

    /// Lets a request through, or not.
    @concurrent
    package func handle(
        _ request: Request, context: AdminContext, next: @concurrent (Request, AdminContext) async throws -> Response
    ) async throws -> Response {
        guard let own = context.role else { throw Access.missingToken }
        guard own >= role else { throw Access.forbidden }
        return try await next(request, context)
    }
}

/// Lets outside schedulers through.
struct SchedulerRequirement: RouterMiddleware {
    let access: Access

    @concurrent
    func handle(
        _ request: Request, context: AdminContext, next: @concurrent (Request, AdminContext) async throws -> Response
    ) async throws -> Response {
        try access.checkScheduler(request, context)
        var context = context
        context.role = .admin
        context.person = "cron@\(context.clientAddress)"
        return try await next(request, context)
    }
}
