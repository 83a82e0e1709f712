internal import Curfew
internal import Logging
internal import Policies
internal import RedisClient
internal import Synchronization

/// Reads the data of pages with a bounded number of commands, whatever is in Redis.
///
/// Measurements are read once, then only new ones. Stale pauses are read at most twice a minute. Both change slowly,
/// and every page shows them.
final class OverviewReader: Sendable {
    /// How many of the newest runs and changes are shown.
    static let newest = 12
    /// How many pages of measurements one read takes; the next read continues.
    static let mostPages = 5
    /// How many are read at startup: as many as the stream keeps by default.
    static let mostPagesBefore = 200
    /// How long stale pauses are cached.
    static let pausesAge: Duration = .seconds(30)
    /// How many cleanups are searched for stale pauses at a time, and how many of them at once; the others follow.
    static let mostPauses = 100, mostPausesAtOnce = 8

    private struct Known {
        var hours = MeasuredHours()
        /// The measurements for longer ranges; read when somebody asks for them.
        var long = MeasuredHours(.month)
        var pauses: [String: StalePauses] = [:]
        /// The cleanup with which the next search for pauses begins.
        var nextPause = 0
        var pausesReadAt: ContinuousClock.Instant?
        var fingerprint = ""
    }

    /// The newest runs and changes of single cleanups.
    let newest = NewestEntries()

    private let service: AdminService
    private let known = Mutex(Known())
    private let shared = Mutex<(overview: Overview, at: ContinuousClock.Instant)?>(nil)

    /// Creates the reader.
    init(service: AdminService) {
        self.service = service
    }

    /// Reads the data of the overview.
    func read() async throws -> Overview {
        let engine = service.engine
        let now = try await engine.serverClock().now
        async let measured = measured(engine, now: now)
        async let pauses = pauses(engine, now: now)
        let status = try await service.status()
        async let runs = newest(of: engine.keys.runs)
        async let events = newest(of: engine.keys.events)
        async let alerts = newest(of: engine.keys.alerts)
        return Overview(
            now: status.time ?? now, status: status, runs: try await runs, events: try await events,
            alerts: try await alerts, hours: try await measured, pauses: try await pauses)
    }

    /// The same; one that was read a moment ago may do.
    func read(within age: Duration) async throws -> Overview {
        let known = shared.withLock { $0 }
        if let known, known.at.duration(to: .now) < age { return known.overview }
        let overview = try await read()
        shared.withLock { $0 = (overview, .now) }
        return overview
    }

    /// Forgets what was read a moment ago.
    func forget() { shared.withLock { $0 = nil } }

    private func newest(of stream: String) async throws -> [StreamEntry] {
        do {
            let redis = service.engine.redis
            let page = try await StreamPage("XREVRANGE", of: stream, from: "+", to: "-", count: Self.newest, redis)
            return page.entries.map(Self.shortened)
        } catch {
            throw CurfewError(.server, "Curfew's streams can't be read: \(error.message)")
        }
    }

    /// The most bytes of a sentence, and of any other field, on the overview.
    private static let mostSentence = 300, mostField = 100

    /// An entry shortened for the overview, which lists many entries of any length.
    private static func shortened(_ entry: StreamEntry) -> StreamEntry {
        StreamEntry(
            id: entry.id,
            fields: entry.fields.map { name, value in
                let isSentence = ["reason", "message", "error"].contains(name)
                return (name, value.shortened(toMarkup: isSentence ? mostSentence : mostField))
            })
    }

    /// Reads the measurements of the shown hours, so that the first page needn't wait for them.
    func prepare() async throws {
        let engine = service.engine
        _ = try await measured(engine, now: try await engine.serverClock().now, pages: Self.mostPagesBefore)
    }

    /// The measurements: the cached ones and the new ones.
    func measured(_ engine: Engine, now: Timestamp, pages: Int = mostPages) async throws -> MeasuredHours {
        let history = History(engine: engine)
        for _ in 0..<pages {
            let last = known.withLock { $0.hours.last }
            let start = last == "0-0" ? MeasuredHours.start(at: now) : last
            let entries = try await history.entries(of: engine.keys.metrics, after: start)
            guard !entries.isEmpty else { break }
            // If two reads run at the same time, the second adds nothing.
            known.withLock { $0.hours.add(entries) }
            guard entries.count == History.mostNew else { break }
        }
        return known.withLock { $0.hours }
    }

    /// The measurements of the longest range: read once, then only new ones.
    func measuredLong(_ engine: Engine, now: Timestamp) async throws -> MeasuredHours {
        let history = History(engine: engine)
        for _ in 0..<Self.mostPagesBefore {
            let last = known.withLock { $0.long.last }
            let start = last == "0-0" ? MeasuredHours.start(at: now, .month) : last
            let entries = try await history.entries(of: engine.keys.metrics, after: start)
            guard !entries.isEmpty else { break }
            known.withLock { $0.long.add(entries) }
            guard entries.count == History.mostNew else { break }
        }
        return known.withLock { $0.long }
    }

    private func pauses(_ engine: Engine, now: Timestamp) async throws -> [StalePauses] {
        let all = engine.configuration.cleanups.filter(\.policy.watchesPauses)
        let part = known.withLock { known -> [Cleanup] in
            if known.fingerprint != engine.configuration.fingerprint {
                (known.pauses, known.nextPause, known.pausesReadAt) = ([:], 0, nil)
            }
            guard !all.isEmpty, known.pausesReadAt.map({ $0.duration(to: .now) >= Self.pausesAge }) ?? true else {
                return []
            }
            let start = known.nextPause < all.count ? known.nextPause : 0
            return Array(all[start...].prefix(Self.mostPauses))
        }
        if !part.isEmpty {
            let found = try await search(part, engine, now: now)
            known.withLock { known in
                known.pauses.merge(found) { _, new in new }
                known.nextPause = (all.firstIndex { $0.name == part.last?.name } ?? 0) + 1
                known.pausesReadAt = .now
                known.fingerprint = engine.configuration.fingerprint
            }
        }
        return known.withLock { known in all.compactMap { known.pauses[$0.name] } }
    }

    /// Looks for stale pauses of several cleanups.
    private func search(
        _ cleanups: [Cleanup], _ engine: Engine, now: Timestamp
    ) async throws -> [String: StalePauses] {
        try await withThrowingTaskGroup(of: StalePauses?.self) { group in
            var found: [String: StalePauses] = [:]
            var rest = cleanups[...]
            func next() {
                guard let cleanup = rest.popFirst() else { return }
                group.addTask {
                    do {
                        return try await StalePauses.read(engine.store, cleanup, at: now)
                    } catch {
                        // If a server of the cluster is unreachable, its records are missing and the others are shown.
                        guard engine.redis.isCluster else { throw error }
                        engine.logger.warning("stale pauses can't be read", metadata: ["error": "\(error)"])
                        return nil
                    }
                }
            }
            for _ in 0..<Self.mostPausesAtOnce { next() }
            while let pauses = try await group.next() {
                if let pauses { found[pauses.cleanup] = pauses }
                next()
            }
            return found
        }
    }
}
