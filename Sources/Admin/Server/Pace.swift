internal import Hummingbird
internal import Synchronization

/// The rate limit of unauthenticated requests: a burst of a hundred per network, then fifty per second.
///
/// A request beyond the rate waits for its turn; it is refused only if hundreds come at once. So a flood of wrong
/// tokens or sign-ins costs no more than fifty requests a second, and a person at the same address who mistyped a token
/// notices nothing. A request with a valid token or session never waits.
final class Pace: Sendable {
    /// The size of the burst, and the rate per second after it.
    static let atOnce = 100, perSecond = 50
    /// The longest wait.
    static let longest = Duration.seconds(5)
    /// How many networks are remembered; the quietest are forgotten first.
    static let networks = 4_096

    private static let interval = Duration.seconds(1) / perSecond
    /// The turn of each network's next request, if there were no burst.
    private let turns = Mutex<[Origin: ContinuousClock.Instant]>([:])

    /// How long a request must wait; nil if that would be too long.
    func turn(of origin: Origin, now: ContinuousClock.Instant = .now) -> Duration? {
        turns.withLock { turns in
            let grace = Self.interval * Self.atOnce
            // If the turn is in the past, the network was quiet and the request needn't wait.
            let turn = max(turns[origin] ?? now, now)
            let wait = now.duration(to: turn) - grace
            guard wait <= Self.longest else { return nil }
            if turns[origin] == nil, turns.count >= Self.networks {
                turns = turns.filter { $0.value > now }
                // The table is full: the networks with the fewest requests are forgotten.
                if turns.count >= Self.networks {
                    let middle = turns.values.sorted()[Self.networks / 2]
                    turns = turns.filter { $0.value > middle }
                }
            }
            turns[origin] = turn.advanced(by: Self.interval)
            return max(wait, .zero)
        }
    }
}

/// Makes unauthenticated requests wait for their turn.
///
/// Requests without a token wait before any work is done; requests that are refused, for example for a wrong token,
/// wait before the answer.
struct UnauthenticatedPace: RouterMiddleware {
    let pace = Pace()
    let access: Access
    let connections: Connections

    @concurrent
    func handle(
        _ request: Request, context: AdminContext, next: @concurrent (Request, AdminContext) async throws -> Response
    ) async throws -> Response {
        guard !access.isOpen else { return try await next(request, context) }
        let hasShownSomething = request.headers[.authorization] != nil || request.headers[.cookie] != nil
        // These paths are public, whatever credentials a request has.
        let isPublic = request.uri.path.hasPrefix("/sign-") || request.uri.path.hasPrefix("/assets/")
        guard hasShownSomething, !isPublic else {
            try await wait(context)
            return try await next(request, context)
        }
        do {
            let response = try await next(request, context)
            if response.status.kind != .successful, response.status != .notModified { try await wait(context) }
            return response
        } catch {
            try await wait(context)
            throw error
        }
    }

    /// Waits for the turn of a request.
    ///
    /// In the meantime its connection may be closed to make room.
    private func wait(_ context: AdminContext) async throws {
        guard let wait = pace.turn(of: Origin(context.clientAddress)) else {
            throw AdminError(
                .tooManyRequests, "too many requests without a valid token from your address",
                headers: [.retryAfter: "5", .connection: "close"])
        }
        guard wait > .zero else { return }
        let id = ObjectIdentifier(context.channel)
        connections.waiting(id)
        try await Task.sleep(for: wait)
        connections.answering(id)
    }
}
