internal import Algorithms
internal import Policies
internal import RedisClient

/// A walk over the members of registries, a page at a time: where a sweep gets its entries from, if records stand in some.
///
///     registries   named by the file · by the members of another key (`each`) · found by a scan of the keyspace
///     pages        list: from its tail · zset: from the lowest score · set, hash: cursor · stream: from the oldest entry
///     index        a member that isn't due, as Curfew's own index says, is passed over; one that it lacks is looked at
///
/// What was read of a member on the way, its score or the end of the list that it is near, is part of the guard of the
/// change. What a sweep deals with leaves its registry, so that what stays is the front of it, as in an index
/// (``DueCursor``). A member that moves while the walk goes on may be missed; the next run finds it. After a whole walk,
/// entries of the index that are still due are those of members that have left: they go.
///
/// A sorted set whose scores tell the age of its members is its own index: it is read by range, and Curfew keeps none.
struct RegistryWalk {
    /// The most registries of a run, and the most members of a page.
    static let mostRegistries = 10_000, page = 512
    /// The members of the first page of a sorted set that is read by range: mostly none of them is due.
    private static let firstPage = 32
    /// The most members of a page where values come along.
    private static let valuePage = 64

    private let redis: RedisClient
    private let cleanup: Cleanup
    private let source: RecordSource
    private let index: String
    /// What is due up to then is looked at; and the time, for what is told by how long ago it was.
    private let horizon: Timestamp, now: Timestamp
    private var registries: [Registry]
    private var current: (registry: Registry, cursor: RegistryCursor)?
    private var places: MemberPlaces
    /// Registries that can't be walked, and why.
    private(set) var troubles: [(key: String, why: RecordError)] = []

    /// The streams that were walked.
    private(set) var streams: [String] = []

    /// The entries that were read, where it matters which of them are there; nil where it doesn't, or they are too many.
    private(set) var present: Set<String>?
    /// The most entries that are remembered.
    private static let mostPresent = 200_000

    /// Whether all members were read.
    var isExhausted: Bool { current == nil && registries.isEmpty }

    /// The registry that the walk is in.
    var position: String? { current?.registry.key }

    /// A registry and what it is.
    struct Registry: Sendable {
        let key: String
        let kind: Push.Kind
        /// When it goes by itself, in Unix milliseconds; nil if never.
        var expires: Int64?
    }

    /// Begins a walk over these registries, at that one if it is among them.
    init(
        _ keys: [String], from start: String?, of cleanup: Cleanup, _ source: RecordSource, index: String,
        horizon: Timestamp, now: Timestamp, remembers: Bool = false, _ redis: RedisClient
    ) async throws {
        present = remembers ? [] : nil
        (self.redis, self.cleanup, self.source, self.index) = (redis, cleanup, source, index)
        (self.horizon, self.now) = (horizon, now)
        places = MemberPlaces(source)
        registries = []
        var keys = keys
        if let next = keys.dropFirst(Self.mostRegistries).first {
            let why = "there are more than \(Self.mostRegistries) registries: the others aren't looked at"
            troubles.append((next, RecordError(why)))
            keys.removeLast(keys.count - Self.mostRegistries)
        }
        if let start, let place = keys.firstIndex(of: start) { keys = Array(keys[place...] + keys[..<place]) }
        // By range it is asked without a look at the type: an error says so.
        guard !source.isByScore else {
            registries = keys.map { Registry(key: $0, kind: .zset) }
            return
        }
        for part in keys.chunks(ofCount: Self.page) {
            let found = try await redis.pipeline(
                part.map { RedisCommand("TYPE", [$0]) } + part.map { RedisCommand("PTTL", [$0]) })
            for (number, key) in part.enumerated() { add(key, found[number], left: found[part.count + number]) }
        }
    }

    /// When a member is due whose score tells its age.
    private func deadline(_ seat: Seat) -> Double {
        guard let score = seat.score.flatMap({ Double($0) }) else { return 0 }
        let unit = cleanup.policy.times.unit.map(Self.perMillisecond) ?? Self.perMillisecond(score)
        return score / unit + Double(cleanup.policy.shortestTimeout.milliseconds)
    }

    private static func perMillisecond(_ unit: TimeUnit) -> Double {
        switch unit {
        case .seconds: 0.001
        case .milliseconds: 1
        case .microseconds: 1_000
        case .nanoseconds: 1_000_000
        }
    }

    /// The unit by the size of a score, as for any other time.
    private static func perMillisecond(_ score: Double) -> Double {
        switch score {
        case ..<1e11: 0.001
        case ..<1e14: 1
        case ..<1e17: 1_000
        default: 1_000_000
        }
    }

    private mutating func add(_ key: String, _ type: RedisValue, left: RedisValue) {
        if let error = type.error {
            troubles.append((key, RecordError("\(key) can't be read: \(error.message)")))
            return
        }
        let name = type.string ?? ""
        if name == "none" { return }
        guard let kind = Push.Kind(rawValue: name), kind != .text else {
            let expected = source.group == nil ? "a list, a set, a zset, a hash or a stream" : "a stream"
            troubles.append((key, RecordError("\(key) is a \(name): expected \(expected), in which records stand")))
            return
        }
        guard source.group == nil || kind == .stream else {
            troubles.append((key, RecordError("\(key) is a \(name): expected a stream, which a group reads")))
            return
        }
        let expires = left.integer.flatMap { $0 < 0 ? nil : now.milliseconds + $0 }
        registries.append(Registry(key: key, kind: kind, expires: expires))
        if kind == .stream { streams.append(key) }
    }

    /// The command that reads the next page; nil at the end.
    mutating func command() -> RedisCommand? {
        if current == nil, !registries.isEmpty {
            let registry = registries.removeFirst()
            current = (registry, RegistryCursor(registry.kind, isByScore: source.isByScore))
        }
        guard var now = current else { return nil }
        let isHeavy = source.body == .member || now.registry.kind == .hash
        let isFirst = source.isByScore && now.cursor.isAtStart
        let size = isFirst ? Self.firstPage : isHeavy ? Self.valuePage : Self.page
        let command = now.cursor.command(now.registry.key, count: size, group: source.group, idle: idleBound)
        current = now
        return command
    }

    /// Of a stream: for how long an entry must have been pending at least.
    private var idleBound: Duration? {
        cleanup.policy.since.fields == ["<idle>"] ? cleanup.policy.shortestTimeout : nil
    }

    /// The entries of the page that was asked for last, those that are due.
    mutating func take(_ reply: RedisValue) async throws -> [DueEntry] {
        guard var walked = current else { return [] }
        // What it remembers isn't copied where nobody else holds it.
        current = nil
        let key = walked.registry.key
        if let error = reply.error {
            troubles.append((key, try RecordReader.trouble(error, key)))
            return []
        }
        let seats = walked.cursor.seats(of: walked.registry, reply, group: source.group, at: now)
        var found: [DueEntry] = []
        found.reserveCapacity(seats.count)
        for seat in seats { found.append(entry(seat, in: walked.registry)) }
        if present != nil { present?.formUnion(found.map(\.id)) }
        if (present?.count ?? 0) > Self.mostPresent { present = nil }
        let entries = walked.cursor.take(found, count: seats.count, horizon: horizon)
        current = walked.cursor.isExhausted ? nil : walked
        return try await due(entries)
    }

    private mutating func entry(_ found: RegistryCursor.Found, in registry: Registry) -> DueEntry {
        var seat = found.seat
        seat.expires = registry.expires
        let name = RecordSource.entry(registry: seat.registry, member: seat.member)
        var entry = DueEntry(id: name, score: source.isByScore ? deadline(seat) : 0, scoreText: "")
        do throws(RecordError) {
            let (place, key) = try places.placed(seat, named: name, more: found.facts)
            (entry.place, entry.key) = (place, key)
        } catch {
            entry.trouble = error
        }
        return entry
    }

    /// Those that the index lacks, or has as due.
    private mutating func due(_ entries: [DueEntry]) async throws -> [DueEntry] {
        guard !source.isByScore, !index.isEmpty, !entries.isEmpty else { return entries }
        let scores = try await redis.send(RedisCommand("ZMSCORE", [index] + entries.map(\.id)))
        if let error = scores.error { throw CurfewError(error, "reading the index") }
        var due: [DueEntry] = []
        for (entry, score) in zip(entries, scores.elements) {
            guard let text = score.string else {
                due.append(entry)
                continue
            }
            let time = Double(text) ?? 0
            guard time <= Double(horizon.milliseconds) else {
                finished(entry, stays: true)
                continue
            }
            var listed = DueEntry(id: entry.id, score: time, scoreText: text)
            (listed.place, listed.key, listed.trouble) = (entry.place, entry.key, entry.trouble)
            due.append(listed)
        }
        return due
    }

    /// A member is dealt with: it has left its registry, or stays there.
    mutating func finished(_ entry: DueEntry, stays: Bool) {
        let registry = entry.place?.seat?.registry ?? RecordSource.parts(of: entry.id)?.registry
        guard registry == current?.registry.key else { return }
        current?.cursor.finished(entry.id, stays: stays)
    }
}
