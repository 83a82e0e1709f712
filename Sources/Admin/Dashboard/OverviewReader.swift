internal import Curfew
internal import Logging
internal import Policies
internal import RedisClient
internal import Synchronization

/// Reads what pages show, with a bounded number of commands whatever is in Redis.
///
/// What was measured is read once and then only what came since, and stale pauses twice a minute at most: both change
/// slowly, and every page shows them.
final class OverviewReader: Sendable {
    /// The newest runs and changes that are shown.
    static let newest = 12
    /// The most pages of measurements, of a thousand, that one reading takes; the next one goes on.
    static let mostPages = 2
    /// The most that are read before anybody looks: as many as the stream keeps by default.
    static let mostPagesBefore = 100
    /// How long stale pauses are taken as known.
    static let pausesAge: Duration = .seconds(30)

    private struct Known {
        var hours = MeasuredHours()
        var pauses: [StalePauses] = []
        var pausesReadAt: ContinuousClock.Instant?
        var fingerprint = ""
    }

    private let service: AdminService
    private let known = Mutex(Known())

    /// Makes the reader.
    init(service: AdminService) {
        self.service = service
    }

    /// Reads the first page's data.
    func read() async throws -> Overview {
        let engine = service.engine
        let now = try await engine.serverClock().now
        async let measured = measured(engine, now: now)
        async let pauses = pauses(engine, now: now)
        async let firing = FiringAlert.all(engine)
        let status = try await Status.read(engine)
        async let runs = newest(of: engine.keys.runs)
        async let events = newest(of: engine.keys.events)
        async let alerts = newest(of: engine.keys.alerts)
        return Overview(
            now: now, status: status, firing: try await firing, runs: try await runs, events: try await events,
            alerts: try await alerts, hours: try await measured, pauses: try await pauses)
    }

    private func newest(of stream: String) async throws -> [StreamEntry] {
        do {
            let redis = service.engine.redis
            let page = try await StreamPage("XREVRANGE", of: stream, from: "+", to: "-", count: Self.newest, redis)
            return page.entries.map(Self.shortened)
        } catch {
            throw CurfewError(.server, "Curfew's streams can't be read: \(error.message)")
        }
    }

    /// The most bytes of the first page that a sentence, and that any other field of an entry takes.
    private static let mostSentence = 300, mostField = 100

    /// An entry as the first page shows it: it lists many, and each may hold whatever records hold.
    private static func shortened(_ entry: StreamEntry) -> StreamEntry {
        StreamEntry(
            id: entry.id,
            fields: entry.fields.map { name, value in
                let isSentence = ["reason", "message", "error"].contains(name)
                return (name, value.shortened(toMarkup: isSentence ? mostSentence : mostField))
            })
    }

    /// Reads what was measured in the hours that are shown, so that the first page needn't wait for it.
    func prepare() async throws {
        let engine = service.engine
        _ = try await measured(engine, now: try await engine.serverClock().now, pages: Self.mostPagesBefore)
    }

    /// What was measured: what is known, and what came since.
    func measured(_ engine: Engine, now: Timestamp, pages: Int = mostPages) async throws -> MeasuredHours {
        let history = History(engine: engine)
        for _ in 0..<pages {
            let last = known.withLock { $0.hours.last }
            let start = last == "0-0" ? MeasuredHours.start(at: now) : last
            let entries = try await history.entries(of: engine.keys.metrics, after: start)
            guard !entries.isEmpty else { break }
            // Of two that read the same at once, the second adds nothing.
            known.withLock { $0.hours.add(entries) }
            guard entries.count == 1_000 else { break }
        }
        return known.withLock { $0.hours }
    }

    private func pauses(_ engine: Engine, now: Timestamp) async throws -> [StalePauses] {
        let fresh = known.withLock { known -> [StalePauses]? in
            guard let readAt = known.pausesReadAt, readAt.duration(to: .now) < Self.pausesAge,
                known.fingerprint == engine.configuration.fingerprint
            else { return nil }
            return known.pauses
        }
        if let fresh { return fresh }
        var found: [StalePauses] = []
        for cleanup in engine.configuration.cleanups {
            do {
                if let pauses = try await StalePauses.read(engine.store, cleanup, at: now) { found.append(pauses) }
            } catch {
                // A server of a cluster that is away hides what it has, and nothing of the others.
                guard engine.redis.isCluster else { throw error }
                engine.logger.warning("stale pauses could not be read", metadata: ["error": "\(error)"])
            }
        }
        let pauses = found
        known.withLock { known in
            known.pauses = pauses
            known.pausesReadAt = .now
            known.fingerprint = engine.configuration.fingerprint
        }
        return pauses
    }
}
