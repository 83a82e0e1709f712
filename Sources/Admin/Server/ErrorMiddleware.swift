internal import Curfew
internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import RedisClient

/// Turns every error into a JSON answer with a message, and adds security headers to every answer.
struct ErrorMiddleware: RouterMiddleware {
    let logger: Logger
    /// Whether the server itself has TLS, so that browsers must keep using it.
    let hasTLS: Bool

    /// The content security policy of answers that aren't pages: nothing is allowed.
    private static let policy: ContentSecurityPolicy = [.defaultSrc(.none), .frameAncestors(.none)]

    @concurrent
    func handle(
        _ request: Request, context: AdminContext, next: @concurrent (Request, AdminContext) async throws -> Response
    ) async throws -> Response {
        var response: Response
        do {
            response = try await next(request, context)
        } catch {
            response = try self.error(for: error, request).response(from: request, context: context)
            // A client takes a body after the head of an answer to HEAD for the beginning of the next answer.
            if request.method == .head { response = response.createHeadResponse() }
        }
        response.headers[.xContentTypeOptions] = "nosniff"
        if hasTLS { response.headers[.strictTransportSecurity] = Door.transportSecurity }
        if response.headers[.contentSecurityPolicy] == nil {
            response.headers[.contentSecurityPolicy] = Self.policy.description
        }
        return response
    }

    private func error(for error: any Error, _ request: Request) -> AdminError {
        switch error {
        case let error as AdminError: return error
        case let error as CurfewError:
            if [.server, .damaged, .policy].contains(error.code) { note(error, request) }
            return AdminError(error)
        case let error as RedisError: return AdminError(CurfewError(error))
        case is NIOTooManyBytesError:
            return AdminError(
                .contentTooLarge, "the body is too long: expected at most \(AdminContext.mostBytes) bytes")
        case let error as HTTPError where error.status == .notFound && !AdminRouter.methods.contains(request.method):
            return AdminError(
                .methodNotAllowed, "the method \(request.method) is not supported: expected GET, HEAD or POST",
                headers: [.allow: "GET, HEAD, POST"])
        case let error as HTTPError where error.status == .notFound:
            return AdminError(.notFound, "there is nothing at \(request.uri.path)")
        case let error as any HTTPResponseError:
            return AdminError(error.status, error.status.reasonPhrase)
        case is HTTPParserError:
            return AdminError(.badRequest, "the request can't be read", headers: [.connection: "close"])
        case is CancellationError:
            return AdminError(.serviceUnavailable, "the instance is shutting down", headers: [.retryAfter: "5"])
        default:
            note(error, request)
            return AdminError(.internalServerError, "internal error; see the log of this instance")
        }
    }

    private func note(_ error: any Error, _ request: Request) {
        logger.error(
            "a request failed",
            metadata: ["method": "\(request.method)", "path": "\(request.uri.path)", "error": "\(error)"])
    }
}
