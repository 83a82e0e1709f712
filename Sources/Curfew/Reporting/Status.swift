internal import Foundation
internal import Policies
internal import RedisClient

/// The schedule, leases, instances and backlog at one moment: the content of `curfew status`.
package struct Status: Sendable, Codable, Equatable {
    /// One cleanup.
    package struct CleanupStatus: Sendable, Codable, Equatable {
        /// Its name.
        package var name: String
        /// Its policy; nil if this configuration doesn't have it.
        package var policy: String?
        /// Its schedule in words.
        package var schedule: String?
        /// `due`, `waiting`, `running`, `lost`, `paused`, `disabled`, `unscheduled`.
        package var state: String
        /// When it is due: ISO 8601.
        package var due: String?
        /// Milliseconds until it is due or its lease ends; negative if that has passed.
        package var inMs: Int64?
        /// The current run, its instance and its progress.
        package var run: String?, instance: String?, progress: Int?, step: String?
        /// The counters of the current run.
        package var found: Int?, changed: Int?, failed: Int?
        /// Its pause.
        package var paused: CleanupPause?
        /// The number of tracked records, and of due records.
        package var tracked: Int?, backlog: Int?
        /// Why the records can't be counted, for example because the index is on an unreachable server of a cluster.
        package var uncounted: String?
        /// The progress of the scan for records that the index lacks; nil if there is none.
        package var scan: ScanStatus?
        /// Since when it has had no successful run: ISO 8601; and the error of the last run.
        package var owedSince: String?, lastError: String?
        /// Why instances don't run it: other instances use its name for other records.
        package var refused: String?
        /// What people call it, what it belongs to, and its colour.
        package var title: String?, category: String?, color: String?
        /// How its last run ended; nil if it has had none, or that isn't asked for.
        package var lastRun: LastRun?
        /// The living instances that have it.
        package var knownBy: [String]?
        /// Why nobody runs it although it is due, and what to do.
        package var why: String?, advice: String?
    }

    /// One instance.
    package struct InstanceStatus: Sendable, Codable, Equatable {
        /// Its id.
        package var id: String
        /// Milliseconds since it was last seen.
        package var seenMsAgo: Int64
        /// Whether it is alive.
        package var isAlive: Bool
        /// Its host, process, version and when it started.
        package var host: String?, pid: Int?, version: String?, startedAt: String?
        /// The cleanups that it is running.
        package var running: [String]
        /// The fingerprint of its configuration.
        package var config: String?
        /// The cleanups that it doesn't run, because other instances use their names for other records.
        package var refused: [String]?
    }

    /// The server's time: ISO 8601.
    package var at: String
    /// Every configured or scheduled cleanup.
    package var cleanups: [CleanupStatus]
    /// Every instance seen in the last 24 hours.
    package var instances: [InstanceStatus]
    /// Remarks, for example that living instances have different configurations.
    package var remarks: [String]
    /// The firing alerts, the undelivered messages, and everything that a person should look at; nil if that isn't asked
    /// for.
    package var firing: [FiringAlert]?, deliveries: [Deliveries]?, concerns: [Concern]?

    /// How many cleanups and instances are shown.
    private static let most = Definitions.mostInstances
    /// The number of tracked records, and of due records.
    private typealias Count = (tracked: Int?, backlog: Int?)
    /// How long counting the records of a cleanup may take.
    static let patience: Duration = .seconds(2)

    /// Reads the whole status, with everything that a person should look at.
    ///
    /// - Parameter lastRuns: the last runs as far as they are known.
    static func read(_ coordinator: Coordinator, _ lastRuns: LastRuns) async throws(CurfewError) -> Status {
        let (store, configuration) = (coordinator.store, coordinator.configuration)
        do {
            async let runs = lastRuns.read(store)
            async let firing = FiringAlert.all(store, alerts: configuration.alerts, cleanups: configuration.cleanups)
            async let deliveries = Deliveries.read(store, configuration.receivers)
            var status = try await read(coordinator)
            let last = try await runs
            for place in status.cleanups.indices {
                status.cleanups[place].lastRun = last[status.cleanups[place].name]
            }
            status.explainLateness(concurrency: configuration.worker.concurrency)
            (status.firing, status.deliveries) = (try await firing, try await deliveries)
            status.concerns = status.allConcerns()
            return status
        } catch {
            throw CurfewError(thrown: error) ?? CurfewError(.damaged, "\(error)")
        }
    }

    /// Reads the schedule, leases, instances and backlog.
    static func read(_ coordinator: Coordinator) async throws(CurfewError) -> Status {
        let (store, configuration) = (coordinator.store, coordinator.configuration)
        do {
            let clock = try await store.serverClock()
            let now = clock.now
            let keys = store.keys
            let replies = try await store.redis.pipeline([
                RedisCommand("ZRANGE", [keys.schedule, "0", String(most - 1), "WITHSCORES"]),
                RedisCommand("ZREVRANGE", [keys.instances, "0", String(most - 1), "WITHSCORES"]),
                RedisCommand("HGETALL", [keys.paused]), RedisCommand("HGETALL", [keys.owed]),
            ])
            for (key, reply) in zip([keys.schedule, keys.instances, keys.paused, keys.owed], replies) {
                try Self.check(reply, of: key)
            }
            let scores = replies[0].pairs
            let paused = replies[2].texts
            let configured = configuration.cleanups.map(\.name)
            let names = configured + scores.map(\.0).filter { !configured.contains($0) }
            let due = Dictionary(scores) { first, _ in first }
            var cleanups = try await self.cleanups(names, of: configuration, store, due: due, paused: paused, now: now)
            let instances = try await self.instances(replies[1].pairs, store, now: now)
            let owed = replies[3].texts.compactMapValues(Owed.init(text:))
            let conflicts = try await Definitions(coordinator).conflicts()
            for place in cleanups.indices {
                let name = cleanups[place].name
                if configuration.cleanup(named: name)?.isEnabled ?? true {
                    cleanups[place].owedSince = owed[name]?.since?.iso8601
                    cleanups[place].lastError = owed[name]?.error
                }
                cleanups[place].refused = conflicts[name].map { "\($0)" } ?? refusal(of: name, by: instances)
                let users = cleanups[place].knownBy
                cleanups[place].knownBy = users.map { configs in
                    instances.filter { $0.isAlive && $0.config.map(configs.contains) == true }.map(\.id).sorted()
                }
            }
            return Status(
                at: now.iso8601, cleanups: cleanups, instances: instances,
                remarks: remarks(instances, own: configuration.fingerprint))
        } catch {
            throw CurfewError(thrown: error) ?? CurfewError(.damaged, "\(error)")
        }
    }

    private static func cleanups(
        _ names: [String], of configuration: Configuration, _ store: Store, due: [String: String],
        paused: [String: String], now: Timestamp
    ) async throws -> [CleanupStatus] {
        let leaseFields = ["run", "instance", "progress", "step", "found", "changed", "failed", "due_ms"]
        var commands: [RedisCommand] = []
        for name in names {
            commands += [
                RedisCommand("HMGET", [store.keys.lease(name)] + leaseFields),
                RedisCommand("HMGET", [store.keys.scan(name)] + ScanStatus.fields),
            ]
        }
        // At the end, so that the replies of each cleanup are where they are without it.
        commands.append(RedisCommand("HMGET", [store.keys.definitions] + names))
        async let counted = names.isEmpty ? [:] : counts(names, of: configuration, store, now: now)
        let replies = names.isEmpty ? [] : try await store.redis.pipeline(commands)
        for (number, name) in names.enumerated() { try check(replies[2 * number], of: store.keys.lease(name)) }
        let counts = await counted
        return names.enumerated().map { number, name in
            let lease = replies[2 * number].elements.map(\.string)
            let cleanup = configuration.cleanup(named: name)
            var status = CleanupStatus(
                name: name, policy: cleanup.map { $0.kind.rawValue },
                schedule: cleanup.map { "\($0.schedule)" },
                state: "unscheduled")
            status.paused = paused[name].map(CleanupPause.init(text:))
            switch counts[number] {
            case .success(let count): (status.tracked, status.backlog) = count
            case .failure(let error): status.uncounted = "\(error)"
            case nil: break
            }
            if cleanup?.scan != nil { status.scan = ScanStatus(replies[2 * number + 1], now: now) }
            let score = due[name].flatMap(Double.init).map { Timestamp(score: $0) }
            status.inMs = score.map { $0.milliseconds.bounded(minus: now.milliseconds) }
            status.due = score?.iso8601
            if lease.count == leaseFields.count, let run = lease[0] {
                status.run = run
                status.instance = lease[1]
                status.progress = lease[2].flatMap { Int($0) }
                status.step = lease[3]
                (status.found, status.changed, status.failed) =
                    (lease[4].flatMap { Int($0) }, lease[5].flatMap { Int($0) }, lease[6].flatMap { Int($0) })
            }
            status.state = state(status, isEnabled: cleanup?.isEnabled ?? true)
            (status.title, status.category, status.color) = (cleanup?.title, cleanup?.category, cleanup?.color)
            // For now the configurations that have it; they become the instances that have those. Every instance records
            // what it has before it runs anything, so what isn't recorded nobody has.
            let definition = replies[2 * names.count][number].string.flatMap(Definition.init(text:))
            status.knownBy = definition?.configs.split(separator: " ").map(String.init) ?? []
            return status
        }
    }

    /// The number of records in each index, and of those that are due.
    ///
    /// Each cleanup is counted separately: a failure of one doesn't affect the others.
    private static func counts(
        _ names: [String], of configuration: Configuration, _ store: Store, now: Timestamp
    ) async -> [Int: Result<Count, CurfewError>] {
        await withTaskGroup(of: Counted.self) { group in
            for (number, name) in names.enumerated() {
                let cleanup = configuration.cleanup(named: name)
                let index = cleanup?.indexKey(store.keys) ?? store.keys.index(name)
                let bound = (cleanup?.indexUnit ?? .milliseconds).bound(of: now)
                group.addTask {
                    let counted: Result<Count, CurfewError>
                    do throws(CurfewError) {
                        counted = .success(try await count(index, store, dueUpTo: bound))
                    } catch {
                        counted = .failure(error)
                    }
                    return Counted(number: number, count: counted)
                }
            }
            return await group.reduce(into: [:]) { $0[$1.number] = $1.count }
        }
    }

    /// The result of one child task.
    ///
    /// It is a struct, created outside of `do throws`: if a tuple is returned from inside, the optimiser of Swift 6.3.1
    /// makes the number read as 0 (`OptimisedChildTaskTests`).
    private struct Counted: Sendable {
        let number: Int
        let count: Result<Count, CurfewError>
    }

    private static func count(
        _ index: String, _ store: Store, dueUpTo bound: String
    ) async throws(CurfewError) -> Count {
        let commands = [
            RedisCommand("ZCARD", [index]),
            RedisCommand("ZCOUNT", [index, "-inf", bound]),
        ]
        let replies = try await store.redis.replies(to: commands, deadline: patience, index)
        return (replies[0].integer.map(Int.init), replies[1].integer.map(Int.init))
    }

    private static func state(_ status: CleanupStatus, isEnabled: Bool) -> String {
        let isFuture = (status.inMs ?? 0) > 0
        if status.run != nil { return isFuture ? "running" : "lost" }
        if status.paused != nil { return "paused" }
        if !isEnabled { return "disabled" }
        if status.inMs == nil { return "unscheduled" }
        return isFuture ? "waiting" : "due"
    }

    private static func instances(
        _ seen: [(String, String)], _ store: Store, now: Timestamp
    ) async throws -> [InstanceStatus] {
        let fields = ["host", "pid", "version", "started_ms", "running", "config", "refused"]
        let replies = try await store.redis.pipeline(
            seen.map { RedisCommand("HMGET", [store.keys.instance($0.0)] + fields) })
        for (seen, reply) in zip(seen, replies) { try check(reply, of: store.keys.instance(seen.0)) }
        return zip(seen, replies).map { seen, reply in
            let values = fields.indices.map { reply[$0].string }
            let started = values[3].flatMap { Int64($0) }
            return InstanceStatus(
                id: seen.0,
                seenMsAgo: (now - Timestamp(score: Double(seen.1) ?? 0)).milliseconds,
                // An instance seen at a future time died before the clock was set back.
                isAlive: values[0] != nil && Timestamp(score: Double(seen.1) ?? 0) <= now + ClockStep.most,
                host: values[0], pid: values[1].flatMap { Int($0) }, version: values[2],
                startedAt: started.map { Timestamp(milliseconds: $0).iso8601 },
                running: (values[4] ?? "").split(separator: ",").map(String.init), config: values[5],
                refused: values[6].flatMap { $0.isEmpty ? nil : $0.split(separator: ",").map(String.init) })
        }
    }

    /// Throws if a reply is an error: Curfew's own key can't be read, or another program uses it.
    private static func check(_ reply: RedisValue, of key: String) throws(CurfewError) {
        guard let error = reply.error else { return }
        throw CurfewError(.server, "\(key) can't be read: \(error.message)")
    }

    /// Why living instances don't run a cleanup that they have.
    private static func refusal(of cleanup: String, by instances: [InstanceStatus]) -> String? {
        let refusing = instances.filter { $0.isAlive && $0.refused?.contains(cleanup) == true }.map(\.id).sorted()
        guard !refusing.isEmpty else { return nil }
        return "\(cleanup) means other records on \(refusing.joined(separator: ", ")), which don't run it; "
            + "expected a separate prefix for each environment, or another name"
    }

    private static func remarks(_ instances: [InstanceStatus], own: String) -> [String] {
        let living = instances.filter(\.isAlive)
        var remarks: [String] = []
        let groups = Dictionary(grouping: living) { $0.config ?? "unknown" }
        if groups.count > 1 {
            let parts = groups.sorted { $0.key < $1.key }.map {
                "\($0.key) on \($0.value.map(\.id).joined(separator: ", "))"
            }
            remarks.append("instances run different configurations: " + parts.joined(separator: "; "))
        }
        if let other = groups.keys.sorted().first(where: { $0 != own }), groups[own] == nil {
            remarks.append("this configuration (\(own)) differs from that of the instances (\(other))")
        }
        if living.isEmpty { remarks.append(nobodyAlive) }
        return remarks
    }
}
