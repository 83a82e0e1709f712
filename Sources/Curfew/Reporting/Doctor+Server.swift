internal import Policies
internal import RedisClient

extension Doctor {
    /// What the server says of itself; what it refuses to say is missing.
    struct ServerFacts {
        private var info: [String: String] = [:]
        let kind: ServerKind
        /// When snapshots are made; nil where it may not be asked.
        let snapshots: String?
        /// Why a question was refused, by the command that asked.
        let refusals: [String: RedisServerError]
        /// Slow calls of Curfew's functions, in microseconds.
        let slowCalls: [Int64]

        /// All that is needed is in `INFO`; a setting beside it is asked for by those who may.
        static func read(
            _ redis: RedisClient, _ node: RedisClient.Node, mayAskForSettings: Bool
        ) async throws -> ServerFacts {
            let sections = ["server", "replication", "persistence", "memory"]
            var commands = sections.map { RedisCommand("INFO", [$0]) } + [RedisCommand("SLOWLOG", ["GET", "64"])]
            if mayAskForSettings { commands.append(RedisCommand("CONFIG", ["GET", "save"])) }
            let replies = try await redis.pipeline(commands, to: node)
            var refusals: [String: RedisServerError] = [:]
            for (command, reply) in zip(commands, replies) {
                refusals[command.name] = reply.error ?? refusals[command.name]
            }
            let texts = replies.prefix(sections.count).map { $0.string ?? "" }
            let entries = replies[sections.count].elements.filter { entry in
                entry[3].elements.prefix(2).contains { $0.string?.hasPrefix("curfew_") ?? false }
                    || entry[3][1].string == FunctionLibrary.scriptDigest
            }
            let save = replies.dropFirst(sections.count + 1).first
            return ServerFacts(
                texts, snapshots: save?.count == 2 ? save?[1].string : nil, refusals: refusals,
                slowCalls: entries.compactMap { $0[2].integer })
        }

        private init(
            _ texts: [String], snapshots: String?, refusals: [String: RedisServerError], slowCalls: [Int64]
        ) {
            (self.snapshots, self.refusals, self.slowCalls) = (snapshots, refusals, slowCalls)
            kind = ServerKind(info: texts.joined(separator: "\n"))
            for text in texts { take(info: text) }
        }

        /// A field of `INFO`.
        subscript(_ field: String) -> String? { info[field] }

        private mutating func take(info text: String) {
            for line in text.split(whereSeparator: \.isNewline) {
                let parts = line.split(separator: ":", maxSplits: 1)
                if parts.count == 2 { info[String(parts[0])] = String(parts[1]) }
            }
        }
    }

    /// Version, role, persistence, memory, slow log of a server.
    func server(_ node: RedisClient.Node) async throws -> [Finding] {
        let mayAsk = try await rights(on: node)?.allows([["CONFIG", "GET", "save"]]) == [true]
        let facts = try await ServerFacts.read(store.redis, node, mayAskForSettings: mayAsk)
        if let why = facts.refusals["INFO"] { return [.unknown("server", "INFO", why.message)] }
        let lacks = try await lacking(node)
        return [
            version(facts, lacks), role(facts), persistence(facts), eviction(facts), memory(facts), slowLog(facts),
        ]
    }

    /// What newer servers know and this one doesn't, tried; what may not be tried is passed over.
    private func lacking(_ node: RedisClient.Node) async throws -> [String] {
        let key = store.keys.schedule
        let tried: [(RedisCommand, String)] = [
            (RedisCommand("FUNCTION", ["LIST", "LIBRARYNAME", "curfew"]), "functions"),
            (RedisCommand("ACL", ["DRYRUN", "default", "PING"]), "ACL DRYRUN"),
            (RedisCommand("PEXPIRETIME", [key]), "PEXPIRETIME"),
            (RedisCommand("HPEXPIRETIME", [key, "FIELDS", "1", "x"]), "fields that expire"),
        ]
        let replies = try await store.redis.pipeline(tried.map(\.0), to: node)
        return zip(tried, replies).filter { _, reply in reply.error.map(Self.isUnknown) ?? false }.map(\.0.1)
    }

    private func version(_ facts: ServerFacts, _ lacks: [String]) -> Finding {
        let found = facts.kind.description
        // Valkey has another name for it.
        guard (facts["redis_mode"] ?? facts["server_mode"]) != "cluster" || store.redis.isCluster else {
            return Finding(
                "version", .problem, "\(found) is a node of a cluster, which has a part of the keys alone",
                advice: "write the redis URL as redis+cluster://, with any of the nodes")
        }
        let without = lacks.isEmpty ? "" : ", without \(lacks.joined(separator: ", "))"
        return Finding("version", .ok, found + without)
    }

    /// The name of the finding on writes.
    static let writing = "writes"

    /// Tries a write that changes nothing, because only then a server says why it takes none; said only where it does.
    func writes() async throws -> [Finding] {
        let words = ["ZREM", store.keys.schedule, ""]
        if let node = try await store.redis.primaries().first, let rights = try await rights(on: node),
            try await rights.allows([words]) == [false]
        {
            return []
        }
        let write = RedisCommand.repeatable(words[0], Array(words.dropFirst()))
        guard let error = try await store.redis.pipeline([write])[0].error else { return [] }
        let cures = [
            "NOREPLICAS": "bring the replicas back; or, while they are away, CONFIG SET min-replicas-to-write 0",
            "MISCONF": "see the log of Redis, and whether its disk is full",
            "READONLY": "point the redis URL at the primary",
            FullMemory.code: FullMemory.cure,
        ]
        guard let cure = cures[error.code] else { return [] }
        return [Finding(Self.writing, .problem, "refused: \(error.message)", advice: cure)]
    }

    private func role(_ facts: ServerFacts) -> Finding {
        guard facts["role"] == "master" else {
            let primary = "\(facts["master_host"] ?? "?"):\(facts["master_port"] ?? "?")"
            return Finding(
                "role", .problem, "this is a replica of \(primary), which can't be written to",
                advice: "point the redis URL at the primary")
        }
        let isCluster = store.redis.isCluster
        let replicas = facts["connected_slaves"].flatMap { Int($0) } ?? 0
        let count = replicas == 1 ? "1 replica" : "\(replicas) replicas"
        if isCluster, replicas == 0 {
            return Finding(
                "role", .warning, "primary without a replica: its part of the keys is gone when it is",
                advice: "add a replica for each primary: redis-cli --cluster add-node … --cluster-slave")
        }
        // Said only where the setting is above 0.
        if let good = facts["min_slaves_good_slaves"].flatMap({ Int($0) }), good == 0 {
            return Finding(
                "role", .problem,
                "primary with \(count), none of which keeps up: min-replicas-to-write refuses all writes (NOREPLICAS)",
                advice: "bring the replicas back; or, while they are away, CONFIG SET min-replicas-to-write 0")
        }
        guard replicas > 0, facts["min_slaves_good_slaves"] == nil else {
            return Finding("role", .ok, replicas > 0 ? "primary with \(count)" : "primary")
        }
        return Finding(
            "role", .warning, "primary with \(count); after a failover the old primary may go on taking writes",
            advice: "set min-replicas-to-write 1 and min-replicas-max-lag 2 on the servers")
    }

    private func persistence(_ facts: ServerFacts) -> Finding {
        if facts["rdb_last_bgsave_status"] == "err" || facts["aof_last_write_status"] == "err" {
            return Finding(
                "persistence", .problem, "Redis could not save to disk the last time: it may refuse all writes",
                advice: "see the log of Redis, and whether its disk is full")
        }
        if facts["aof_enabled"] == "1" { return Finding("persistence", .ok, "append-only file") }
        switch facts.snapshots {
        case "":
            return Finding(
                "persistence", .warning, "neither append-only file nor snapshots: a restart loses everything",
                advice: "set appendonly yes, unless what is in this Redis may be lost")
        case let save?:
            return Finding("persistence", .ok, "snapshots (\(save)): a crash loses what came after the last")
        case nil: return snapshots(facts)
        }
    }

    /// Whether snapshots are made, where it can only be seen from those that were.
    private func snapshots(_ facts: ServerFacts) -> Finding {
        func number(_ field: String) -> Int64 { facts[field].flatMap { Int64($0) } ?? 0 }
        let started = number("server_time_usec") / 1_000_000 - number("uptime_in_seconds")
        let age = number("server_time_usec") / 1_000_000 - number("rdb_last_save_time")
        // A server that has just begun says that it saved then.
        if number("rdb_last_save_time") > started + 1 {
            return Finding(
                "persistence", .ok,
                "snapshots (the last \(Duration.seconds(age).roughText) ago): a crash loses what came after the last")
        }
        let uptime = Duration.seconds(number("uptime_in_seconds")).roughText
        return Finding(
            "persistence", .warning,
            "no append-only file, and no snapshot since the server began \(uptime) ago: a restart may lose everything",
            advice: "set appendonly yes, unless what is in this Redis may be lost")
    }

    private func eviction(_ facts: ServerFacts) -> Finding {
        let policy = facts["maxmemory_policy"] ?? "unknown"
        guard policy.hasPrefix("allkeys") else {
            let what = policy == "noeviction" ? "nothing is evicted" : "only keys with an expiry are evicted"
            return Finding("eviction", .ok, "\(policy): \(what)")
        }
        let isLimited = facts["maxmemory"].flatMap { Int64($0) } ?? 0 > 0
        return Finding(
            "eviction", isLimited ? .problem : .warning,
            "\(policy): when memory is full, jobs, ledgers and leases vanish"
                + (isLimited ? "" : " (no limit is set yet)"),
            advice: "set maxmemory-policy noeviction")
    }

    private func memory(_ facts: ServerFacts) -> Finding {
        let used = facts["used_memory"].flatMap { Double($0) } ?? 0
        let limit = facts["maxmemory"].flatMap { Double($0) } ?? 0
        guard limit > 0 else { return Finding("memory", .ok, "\(Int(bounded: used) >> 20) MiB used, no limit") }
        let share = Int(bounded: used / limit * 100)
        let message = "\(share)% of \(Int(bounded: limit) >> 20) MiB used"
        guard share >= 90 else { return Finding("memory", .ok, message) }
        return Finding(
            "memory", share >= 100 ? .problem : .warning, "\(message): commits are refused when it is full",
            advice: "raise maxmemory, or remove what isn't needed")
    }

    private func slowLog(_ facts: ServerFacts) -> Finding {
        let name = "slow log"
        if let why = facts.refusals["SLOWLOG GET"] {
            guard !Self.isUnknown(why) else { return Finding(name, .ok, "this server has none") }
            return .unknown(name, "SLOWLOG GET", why.message)
        }
        func text(_ microseconds: Int64) -> String {
            microseconds < 1000 ? "\(microseconds) µs" : "\(microseconds / 1000) ms"
        }
        guard let slowest = facts.slowCalls.max() else {
            return Finding(name, .ok, "none of Curfew's calls is in it")
        }
        return Finding(
            name, .warning,
            "\(facts.slowCalls.count) of Curfew's calls are in it, the slowest took \(text(slowest))",
            advice: "if this goes on: look for a slow disk or a busy machine, or set a smaller page")
    }
}
