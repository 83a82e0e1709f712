internal import Curfew
internal import Foundation
internal import RedisClient

/// What there is when all is over, and whether it is what it must be.
struct Ledger: Sendable {
    let work: Workload
    /// The history, and all single changes, oldest first.
    let runs: [StreamEntry]
    let events: [StreamEntry]
    /// The last fence of each cleanup, and the one that is current if any is.
    let fences: [String: Int64]
    let current: [String: Int64]
    /// Records by key; those that are gone have no fields.
    let records: [String: [String: String]]
    /// What stands in the indexes.
    let indexes: [String: [String]]
    let queue: [String]
    /// By user.
    let balances: [Int64], ledgers: [[String: String]]
    /// What is in the bucket.
    let objects: Set<String>
    /// Logs of archived records that are still there.
    let logs: Set<String>
    /// Marks and plans of changes that were begun, in a Cluster, and are not finished.
    let unfinished: [String]

    /// Reads everything.
    init(_ probe: Probe, _ work: Workload) async throws {
        self.work = work
        runs = try await probe.entries(probe.keys.runs)
        // What is wrong with a record is no change of it.
        events = try await probe.entries(probe.keys.events).filter { $0["action"] != "error" }
        fences = try await probe.send("HGETALL", probe.keys.fence).texts.compactMapValues { Int64($0) }
        var current: [String: Int64] = [:]
        var records: [String: [String: String]] = [:]
        var indexes: [String: [String]] = [:]
        for cleanup in Workload.cleanups {
            current[cleanup] = try await probe.send("HGET", probe.keys.lease(cleanup), "fence").integer
            indexes[cleanup] = try await probe.send("ZRANGE", Workload.index(cleanup), "0", "-1").elements
                .compactMap(\.string)
            let keys = Self.ids(of: cleanup).map { Workload.key(cleanup, $0) }
            let replies = try await probe.pipeline(keys.map { RedisCommand("HGETALL", [$0]) })
            for (key, reply) in zip(keys, replies) { records[key] = reply.texts }
        }
        self.current = current
        self.records = records
        self.indexes = indexes
        queue = try await probe.send("LRANGE", "jobs:queued", "0", "-1").elements.compactMap(\.string)
        let users = 0..<Workload.users
        balances = try await probe.pipeline(users.map { RedisCommand("GET", ["user:\($0):tokens"]) })
            .map { $0.integer ?? -1 }
        ledgers = try await probe.pipeline(users.map { RedisCommand("HGETALL", ["user:\($0):refunds"]) }).map(\.texts)
        objects = Set(try await work.bucket.list(prefix: work.name + "/"))
        let archived = Self.ids(of: "archive")
        let found = try await probe.pipeline(archived.map { RedisCommand("EXISTS", ["archived:\($0):log"]) })
        logs = Set(zip(archived, found).filter { $0.1.integer == 1 }.map(\.0))
        unfinished = try await Self.unfinished(probe)
    }

    private static func unfinished(_ probe: Probe) async throws -> [String] {
        var found: [String] = []
        for cleanup in Workload.cleanups {
            let plans = "{curfew}:saga:\(cleanup)"
            if try await probe.send("EXISTS", plans).integer != 0 { found.append(plans) }
        }
        for node in try await probe.redis.primaries() {
            let names = ["curfew:pending:*", "curfew:once:*"]
            for name in names {
                let keys = try await probe.redis.send(RedisCommand("KEYS", [name]), to: node).elements
                    .compactMap(\.string)
                let values = try await probe.pipeline(keys.map { RedisCommand("HVALS", [$0]) })
                let rests = try await probe.pipeline(keys.map { RedisCommand("PTTL", [$0]) })
                // What is closed, or expires, stays for a while against those who were frozen before it.
                for (key, (value, rest)) in zip(keys, zip(values, rests)) where rest.integer == -1 {
                    if value.elements.contains(where: { $0.string != "closed" }) { found.append(key) }
                }
            }
        }
        return found
    }

    static func ids(of cleanup: String) -> [String] {
        let retried = cleanup == "stuck-jobs" ? Workload.retried : []
        return (Workload.going[cleanup] ?? []) + retried + (Workload.kept[cleanup] ?? [])
    }

    /// How long it took until somebody continued, in milliseconds, and whether that was too long.
    ///
    /// Where the victim is gone or frozen that is the moment at which another has its lease; else it is the first sign of
    /// work once everything was there again.
    func continuation(after struck: Scene.Struck, of fault: Fault, _ settings: Case.Settings) -> (Int64?, [String]) {
        guard fault == .kill || fault == .freeze else {
            let signs = (events + runs).map(\.added).filter { $0 >= struck.back }
            guard let time = signs.min().map({ $0 - struck.back }) else { return (nil, []) }
            // Five seconds after the new primary, where the machine gets no more patience than usual.
            let limit = 4_000 + settings.slack
            let isLate = fault == .failover && time > limit
            return (time, isLate ? ["work went on \(time) ms after the failover: expected at most \(limit)"] : [])
        }
        guard let lost = runs.first(where: { $0["run"] == struck.run && $0["status"] == "lost" }) else {
            return (nil, ["\(struck.run) was cut short and is not recorded as lost"])
        }
        let time = lost.number("finished_ms") - struck.at
        // On a starved machine the lease may have run out before the fault.
        guard time >= 0 else { return (nil, []) }
        let limit = settings.lease + settings.slack
        return (time, time > limit ? ["another took over after \(time) ms: expected at most \(limit)"] : [])
    }

    /// Keeps what is needed to understand a violation.
    func write(to folder: String) throws {
        for (name, entries) in [("runs", runs), ("events", events)] {
            let lines = entries.map { entry in
                "\(entry.id) " + entry.fields.map { "\($0.name)=\($0.value)" }.joined(separator: " ")
            }
            try lines.joined(separator: "\n").write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
        }
    }
}
