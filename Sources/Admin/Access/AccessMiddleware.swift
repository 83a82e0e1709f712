internal import HTTPTypes
package import Hummingbird

/// Finds out for whom a request is, and over what: what everything behind it goes by.
struct Door: RouterMiddleware {
    let access: Access

    /// For a year.
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

/// Finds out what a request may do, for everything behind it.
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

/// Lets through who may do at least that: without token or session 401, with less than that 403.
package struct Requirement: RouterMiddleware {
    let access: Access
    let role: Role

    /// Requires a role.
    init(_ role: Role, _ access: Access) {
        self.access = access
        self.role = role
    }

    /// Lets a request through, or not.
    @concurrent
    package func handle(
        _ request: Request, context: AdminContext, next: @concurrent (Request, AdminContext) async throws -> Response
    ) async throws -> Response {
        guard let own = context.role else { throw access.missing }
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
        let name = try access.scheduler(request, context)
        var context = context
        context.role = .admin
        context.person = "\(name)@\(context.clientAddress)"
        return try await next(request, context)
    }
}
