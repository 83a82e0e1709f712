internal import Policies
internal import RedisClient

/// Reads the status.
///
/// A fleet may have thousands of cleanups and instances, so every command asks for a limited part, and the commands go
/// together: the round trips don't depend on how many there are.
struct StatusReader: Sendable {
    /// How many members of a sorted set, or fields of a hash, one command asks for; Redis answers it well within a
    /// millisecond.
    static let most = 500
    /// How many members are read at most: what no fleet has, but what another program may have written.
    private static let mostMembers = 50_000
    /// How many instances are named for each cleanup.
    static let mostKnownBy = 50
    /// How long counting records may take.
    static let patience: Duration = .seconds(2)

    private static let leaseFields = ["run", "instance", "progress", "step", "found", "changed", "failed"]
    private static let instanceFields = ["host", "pid", "version", "started_ms", "running", "config", "refused"]

    private let store: Store
    private let configuration: Configuration
    private let definitions: Definitions
    private let cleanups: [String: Cleanup]

    init(_ coordinator: Coordinator) {
        (store, configuration) = (coordinator.store, coordinator.configuration)
        definitions = Definitions(coordinator)
        cleanups = Dictionary(configuration.cleanups.map { ($0.name, $0) }) { first, _ in first }
    }

    private var keys: Keys { store.keys }

    /// What the commands about the cleanups and instances have answered.
    private struct Found {
        var leases: [RedisValue] = []
        var scans: [String: RedisValue] = [:]
        var paused: [String: CleanupPause] = [:]
        var owed: [String: Owed] = [:]
        var noted: [String: Definition] = [:]
        var instances: [Status.InstanceStatus] = []
    }

    /// Reads all cleanups, or one of them.
    func read(only name: String? = nil) async throws -> Status {
        let now = try await store.serverClock().now
        let (scores, seen) = try await members(only: name)
        let names = name.map { cleanups[$0] == nil && scores.isEmpty ? [] : [$0] } ?? all(scores)
        async let counted = counts(of: names, now: now)
        let found = try await details(of: names, seen: seen, now: now)
        let due = Dictionary(scores) { first, _ in first }
        let fleet = Fleet(found.instances)
        let conflicts = definitions.conflicts(
            noted: found.noted, living: fleet.living.compactMap { one in one.config.map { (one.id, $0) } })
        let counts = await counted
        var list = names.enumerated().map { number, name in
            status(of: name, lease: found.leases[number], found, count: counts[number], score: due[name], now: now)
        }
        var users = Fleet.Users(fleet)
        for place in list.indices {
            let name = list[place].name
            list[place].refused = conflicts[name].map { "\($0)" } ?? fleet.refusal(of: name)
            // Every instance records what it has before it runs anything, so what isn't recorded nobody has.
            let known = users.having(found.noted[name]?.configs ?? "")
            list[place].knownBy = known.prefix(Self.mostKnownBy).map(\.id)
            if known.count > Self.mostKnownBy { list[place].knownByMore = known.count - Self.mostKnownBy }
            if list[place].isLate {
                list[place].explainLateness(
                    known, isAnyAlive: !fleet.living.isEmpty, concurrency: configuration.worker.concurrency)
            }
        }
        return Status(
            at: now.iso8601, cleanups: list, instances: found.instances,
            remarks: fleet.remarks(own: configuration.fingerprint))
    }

    /// The configured cleanups in the order of the file, then those that only the schedule has.
    private func all(_ scores: [(String, String)]) -> [String] {
        configuration.cleanups.map(\.name) + scores.map(\.0).filter { cleanups[$0] == nil }
    }

    /// The cleanups on the schedule with their scores, and the instances with when they were seen.
    private func members(
        only name: String?
    ) async throws -> (scores: [(String, String)], seen: [(String, String)]) {
        if let name {
            let reply = try await store.redis.pipeline([RedisCommand("ZSCORE", [keys.schedule, name])])[0]
            try Self.check(reply, of: keys.schedule)
            let seen = try await members("ZREVRANGE", keys.instances)
            return (reply.string.map { [(name, $0)] } ?? [], seen)
        }
        async let scheduled = members("ZRANGE", keys.schedule)
        async let listed = members("ZREVRANGE", keys.instances)
        let (scores, seen) = try await (scheduled, listed)
        return (scores, seen)
    }

    /// All members of a sorted set with their scores, page by page.
    private func members(_ command: String, _ key: String) async throws -> [(String, String)] {
        var found: [(String, String)] = []
        var known: Set<String> = []
        var start = 0
        while start < Self.mostMembers {
            let words = [key, String(start), String(start + Self.most - 1), "WITHSCORES"]
            let reply = try await store.redis.pipeline([RedisCommand(command, words)])[0]
            try Self.check(reply, of: key)
            let page = reply.pairs
            // Between two pages a member may have moved to the next one.
            for one in page where known.insert(one.0).inserted { found.append(one) }
            guard page.count == Self.most else { break }
            start += Self.most
        }
        return found
    }

    private func details(
        of names: [String], seen: [(String, String)], now: Timestamp
    ) async throws -> Found {
        let scanned = names.filter { cleanups[$0]?.scan != nil }
        let hashes = [keys.paused, keys.owed, keys.definitions]
        let parts = stride(from: 0, to: names.count, by: Self.most).map {
            Array(names[$0..<min($0 + Self.most, names.count)])
        }
        var commands = names.map { RedisCommand("HMGET", [keys.lease($0)] + Self.leaseFields) }
        commands += scanned.map { RedisCommand("HMGET", [keys.scan($0)] + ScanStatus.fields) }
        for key in hashes { commands += parts.map { RedisCommand("HMGET", [key] + $0) } }
        commands += seen.map { RedisCommand("HMGET", [keys.instance($0.0)] + Self.instanceFields) }
        guard !commands.isEmpty else { return Found() }
        var replies = try await store.redis.pipeline(commands)[...]
        func take(_ count: Int) -> ArraySlice<RedisValue> {
            defer { replies = replies.dropFirst(count) }
            return replies.prefix(count)
        }
        var found = Found()
        found.leases = Array(take(names.count))
        for (name, reply) in zip(names, found.leases) { try Self.check(reply, of: keys.lease(name)) }
        found.scans = Dictionary(zip(scanned, take(scanned.count))) { first, _ in first }
        let texts = try hashes.map { key in
            var texts: [String: String] = [:]
            for (part, reply) in zip(parts, take(parts.count)) {
                try Self.check(reply, of: key)
                for (name, value) in zip(part, reply.elements) { texts[name] = value.string }
            }
            return texts
        }
        found.paused = texts[0].mapValues(CleanupPause.init(text:))
        found.owed = texts[1].compactMapValues(Owed.init(text:))
        found.noted = texts[2].compactMapValues(Definition.init(text:))
        found.instances = try zip(seen, take(seen.count)).map { seen, reply in
            try Self.check(reply, of: keys.instance(seen.0))
            return Self.instance(seen.0, seen: Timestamp(score: Double(seen.1) ?? 0), reply, now: now)
        }
        return found
    }

    private func status(
        of name: String, lease: RedisValue, _ found: Found, count: Result<Counts, CurfewError>?, score: String?,
        now: Timestamp
    ) -> Status.CleanupStatus {
        let cleanup = cleanups[name]
        var status = Status.CleanupStatus(
            name: name, policy: cleanup.map { $0.kind.rawValue }, schedule: cleanup.map { "\($0.schedule)" },
            state: "unscheduled")
        status.paused = found.paused[name]
        switch count {
        case .success(let count): (status.tracked, status.backlog) = (count.tracked, count.backlog)
        case .failure(let error): status.uncounted = "\(error)"
        case nil: break
        }
        if let scan = found.scans[name] { status.scan = ScanStatus(scan, now: now) }
        let score = score.flatMap(Double.init).map { Timestamp(score: $0) }
        status.inMs = score.map { $0.milliseconds.bounded(minus: now.milliseconds) }
        status.due = score?.iso8601
        let lease = lease.elements.map(\.string)
        if lease.count == Self.leaseFields.count, let run = lease[0] {
            (status.run, status.instance, status.step) = (run, lease[1], lease[3])
            let numbers = [lease[2], lease[4], lease[5], lease[6]].map { $0.flatMap { Int($0) } }
            (status.progress, status.found, status.changed, status.failed) =
                (numbers[0], numbers[1], numbers[2], numbers[3])
        }
        let isEnabled = cleanup?.isEnabled ?? true
        status.state = Self.state(status, isEnabled: isEnabled)
        if isEnabled, let owed = found.owed[name] {
            (status.owedSince, status.lastError) = (owed.since?.iso8601, owed.error)
        }
        (status.title, status.category, status.color) = (cleanup?.title, cleanup?.category, cleanup?.color)
        return status
    }

    private static func state(_ status: Status.CleanupStatus, isEnabled: Bool) -> String {
        let isFuture = (status.inMs ?? 0) > 0
        if status.run != nil { return isFuture ? "running" : "lost" }
        if status.paused != nil { return "paused" }
        if !isEnabled { return "disabled" }
        if status.inMs == nil { return "unscheduled" }
        return isFuture ? "waiting" : "due"
    }

    private static func instance(
        _ id: String, seen: Timestamp, _ reply: RedisValue, now: Timestamp
    ) -> Status.InstanceStatus {
        let values = instanceFields.indices.map { reply[$0].string }
        return Status.InstanceStatus(
            id: id, seenMsAgo: (now - seen).milliseconds,
            // An instance seen at a future time died before the clock was set back.
            isAlive: values[0] != nil && seen <= now + ClockStep.most,
            host: values[0], pid: values[1].flatMap { Int($0) }, version: values[2],
            startedAt: values[3].flatMap { Int64($0) }.map { Timestamp(milliseconds: $0).iso8601 },
            running: (values[4] ?? "").split(separator: ",").map(String.init), config: values[5],
            refused: values[6].flatMap { $0.isEmpty ? nil : $0.split(separator: ",").map(String.init) })
    }

    /// Throws if a reply is an error: Curfew's own key can't be read, or another program uses it.
    private static func check(_ reply: RedisValue, of key: String) throws(CurfewError) {
        guard let error = reply.error else { return }
        throw CurfewError(.server, "\(key) can't be read: \(error.message)")
    }
}

extension StatusReader {
    /// The number of tracked records, and of due records.
    private struct Counts: Sendable {
        var tracked: Int?, backlog: Int?
    }

    /// One index to count.
    private struct Index: Sendable {
        let place: Int
        let key: String
        /// The highest score that is due.
        let bound: String
    }

    /// The result of one child task.
    ///
    /// It is a struct, created outside of `do throws`: if a tuple is returned from inside, the optimiser of Swift 6.3.1
    /// makes the number read as 0 (`OptimisedChildTaskTests`).
    private struct Counted: Sendable {
        let places: [Int]
        let counts: [Result<Counts, CurfewError>]
    }

    /// The number of records in each index, and of those that are due, by the place of the cleanup.
    ///
    /// A failure of one cleanup doesn't affect the others: each answer stands for itself. In a cluster the indexes of
    /// each slot are counted apart, because one of its servers may not answer.
    private func counts(of names: [String], now: Timestamp) async -> [Int: Result<Counts, CurfewError>] {
        let indexes = names.enumerated().map { place, name in
            let cleanup = cleanups[name]
            return Index(
                place: place, key: cleanup?.indexKey(keys) ?? keys.index(name),
                bound: (cleanup?.indexUnit ?? .milliseconds).bound(of: now))
        }
        let groups =
            store.redis.isCluster
            ? Array(Dictionary(grouping: indexes) { RedisSlot.of($0.key) }.values) : indexes.isEmpty ? [] : [indexes]
        return await withTaskGroup(of: Counted.self) { group in
            for indexes in groups {
                group.addTask {
                    let counts: [Result<Counts, CurfewError>]
                    do throws(CurfewError) {
                        counts = try await count(indexes)
                    } catch {
                        counts = indexes.map { _ in .failure(error) }
                    }
                    return Counted(places: indexes.map(\.place), counts: counts)
                }
            }
            return await group.reduce(into: [:]) { all, counted in
                for (place, count) in zip(counted.places, counted.counts) { all[place] = count }
            }
        }
    }

    private func count(_ indexes: [Index]) async throws(CurfewError) -> [Result<Counts, CurfewError>] {
        let replies = try await store.redis.replies(
            to: indexes.flatMap { index in
                [RedisCommand("ZCARD", [index.key]), RedisCommand("ZCOUNT", [index.key, "-inf", index.bound])]
            }, deadline: Self.patience)
        return indexes.enumerated().map { number, index in
            let own = replies[(2 * number)..<(2 * number + 2)]
            if let error = own.lazy.compactMap(\.error).first { return .failure(CurfewError(error, index.key)) }
            let numbers = own.map { $0.integer.map { Int($0) } }
            return .success(Counts(tracked: numbers[0], backlog: numbers[1]))
        }
    }
}
