internal import Curfew
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import RedisClient

/// Turns errors of page requests into error pages.
struct PageErrors: RouterMiddleware {
    @concurrent
    func handle(
        _ request: Request, context: AdminContext,
        next: @concurrent (Request, AdminContext) async throws -> Response
    ) async throws -> Response {
        let error: AdminError
        do {
            return try await next(request, context)
        } catch let thrown as AdminError {
            error = thrown
        } catch is NIOTooManyBytesError {
            error = AdminError(
                .contentTooLarge, "the form is too long: expected at most \(AdminContext.mostBytes) bytes")
        } catch let thrown {
            guard let known = CurfewError(thrown: thrown) else { throw thrown }
            error = AdminError(known)
        }
        let viewer = Page.Viewer(role: nil, isSignedIn: false, formToken: "", notice: nil)
        return PageAnswer.response(ErrorPage.html(error, viewer), status: error.status, headers: error.headers)
    }
}

/// Requires a role for a page; a person who isn't signed in is sent to the sign-in page.
struct PageAccess: RouterMiddleware {
    let access: Access
    let role: Role

    @concurrent
    func handle(
        _ request: Request, context: AdminContext,
        next: @concurrent (Request, AdminContext) async throws -> Response
    ) async throws -> Response {
        guard let own = context.role else {
            guard access.settings.hasTokens, request.method == .get, request.uri.path != Link.updates else {
                throw access.missing
            }
            return Dashboard.redirect(to: Link.signIn)
        }
        guard own >= role else { throw Access.forbidden }
        return try await next(request, context)
    }
}

/// Reads the code that the forms of a page must carry.
struct Visiting: RouterMiddleware {
    let access: Access

    @concurrent
    func handle(
        _ request: Request, context: AdminContext,
        next: @concurrent (Request, AdminContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        context.visit = Visit(request, context, secret: try await access.sessions.secret())
        return try await next(request, context)
    }
}
