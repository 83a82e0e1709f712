internal import Hummingbird
internal import Synchronization

/// How often strangers are answered: a hundred requests at once from one network, and then fifty a second.
///
/// Whoever asks more often waits for his turn, and no request of his is refused for that as long as he doesn't ask hundreds of
/// times at once. So a flood of wrong tokens or sign-ins costs what fifty requests a second cost, while somebody at the same
/// address who mistyped his token notices nothing. A right token or a session is never made to wait.
final class Pace: Sendable {
    /// How many requests are answered at once, and how many a second after that.
    static let atOnce = 100, perSecond = 50
    /// The longest anybody waits for his turn.
    static let longest = Duration.seconds(5)
    /// The most networks that are remembered; those that have been quiet are forgotten first.
    static let networks = 4_096

    private static let interval = Duration.seconds(1) / perSecond
    /// When the turn of a network's next request would be, were none answered at once.
    private let turns = Mutex<[Origin: ContinuousClock.Instant]>([:])

    /// How long a request has to wait; nil where it would be too long.
    func turn(of origin: Origin, now: ContinuousClock.Instant = .now) -> Duration? {
        turns.withLock { turns in
            let grace = Self.interval * Self.atOnce
            // A turn that is long past is none: the network was quiet.
            let turn = max(turns[origin] ?? now, now)
            let wait = now.duration(to: turn) - grace
            guard wait <= Self.longest else { return nil }
            if turns[origin] == nil, turns.count >= Self.networks {
                turns = turns.filter { $0.value > now }
                // All are busy: the ones that have asked least make room.
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

/// Makes strangers wait for their turn: those without any token before anything is done for them, whoever doesn't get what was
/// asked for, as with a wrong token, before that is said.
struct PaceOfStrangers: RouterMiddleware {
    let pace = Pace()
    let access: Access
    let connections: Connections

    @concurrent
    func handle(
        _ request: Request, context: AdminContext, next: @concurrent (Request, AdminContext) async throws -> Response
    ) async throws -> Response {
        guard !access.isOpen else { return try await next(request, context) }
        let hasShownSomething = request.headers[.authorization] != nil || request.headers[.cookie] != nil
        // These are for everybody, whatever they show.
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

    /// Waits for the turn of whoever asks; meanwhile his connection is one that gives way to others.
    private func wait(_ context: AdminContext) async throws {
        guard let wait = pace.turn(of: Origin(context.clientAddress)) else {
            throw AdminError(
                .tooManyRequests, "too many requests without a right token come from your address",
                headers: [.retryAfter: "5", .connection: "close"])
        }
        guard wait > .zero else { return }
        let id = ObjectIdentifier(context.channel)
        connections.waiting(id)
        try await Task.sleep(for: wait)
        connections.answering(id)
    }
}
