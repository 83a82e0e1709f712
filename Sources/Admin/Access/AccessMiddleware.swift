internal import HTTPTypes
package import Hummingbird

/// Reads who sends a request and whether the connection is encrypted, for all later handlers.
struct Door: RouterMiddleware {
    let access: Access

    /// One year.
    static let transportSecurity = "max-age=31536000"

    @concurrent
    func handle(
        _ request: Request, context: AdminContext, next: @concurrent (Request, AdminContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        let forwarding = Forwarding(request, from: context.clientAddress, access.settings)
        context.clientAddress = forwarding.address
        context.isHTTPS = forwarding.isHTTPS
        context.forwardedHost = forwarding.host
        var response = try await next(request, context)
        if forwarding.isHTTPS { response.headers[.strictTransportSecurity] = Self.transportSecurity }
        return response
    }
}

/// Determines the rights of a request for all later handlers.
struct Identification: RouterMiddleware {
    let access: Access

    @concurrent
    func handle(
        _ request: Request, context: AdminContext, next: @concurrent (Request, AdminContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        if let (person, pass) = try await access.identify(request, context) {
            context.role = person.role
            context.title = person.title
            context.person = "\(person.label)@\(context.clientAddress)"
            context.pass = pass
        }
        return try await next(request, context)
    }
}

/// Requires a role: 401 without token or session, 403 with a lesser role.
package struct Requirement: RouterMiddleware {
    let access: Access
    let role: Role

    /// Requires a role.
    init(_ role: Role, _ access: Access) {
        self.access = access
        self.role = role
    }

    /// Lets a request through, or refuses it.
    @concurrent
    package func handle(
        _ request: Request, context: AdminContext, next: @concurrent (Request, AdminContext) async throws -> Response
    ) async throws -> Response {
        guard let own = context.role else { throw access.missing }
        guard own >= role else { throw Access.forbidden }
        return try await next(request, context)
    }
}

/// Requires the cron secret or an admin.
struct SchedulerRequirement: RouterMiddleware {
    let access: Access

    @concurrent
    func handle(
        _ request: Request, context: AdminContext, next: @concurrent (Request, AdminContext) async throws -> Response
    ) async throws -> Response {
        let name = try access.scheduler(request, context)
        var context = context
        context.role = .admin
        context.person = "\(name)@\(context.clientAddress)"
        return try await next(request, context)
    }
}
