internal import Policies
internal import RedisClient

extension Doctor {
    /// What the server says of itself; what it refuses to say is missing.
    struct ServerFacts {
        private var info: [String: String] = [:]
        private var settings: [String: String] = [:]
        /// Why a question was refused, by the command that asked.
        private(set) var refusals: [String: String] = [:]
        /// Slow calls of Curfew's functions, in microseconds.
        private(set) var slowCalls: [Int64] = []

        static let settings = ["save", "slowlog-log-slower-than", "min-replicas-to-write"]

        static func read(_ redis: RedisClient, _ node: RedisClient.Node) async throws -> ServerFacts {
            var facts = ServerFacts()
            let sections = ["server", "replication", "persistence", "memory"]
            let commands =
                sections.map { RedisCommand("INFO", [$0]) } + settings.map { RedisCommand("CONFIG", ["GET", $0]) }
                + [RedisCommand("SLOWLOG", ["GET", "64"])]
            let replies = try await redis.pipeline(commands, to: node)
            for (command, reply) in zip(commands, replies) {
                if let error = reply.error { facts.refusals[command.name] = error.message }
            }
            for reply in replies.prefix(sections.count) { facts.take(info: reply.string ?? "") }
            for (name, reply) in zip(settings, replies.dropFirst(sections.count)) where reply.count == 2 {
                facts.settings[name] = reply[1].string
            }
            for entry in replies.last?.elements ?? [] where entry[3][1].string?.hasPrefix("curfew_") ?? false {
                if let time = entry[2].integer { facts.slowCalls.append(time) }
            }
            return facts
        }

        /// A field of `INFO`.
        subscript(_ field: String) -> String? { info[field] }

        /// A setting of the server's configuration.
        func setting(_ name: String) -> String? { settings[name] }

        private mutating func take(info text: String) {
            for line in text.split(whereSeparator: \.isNewline) {
                let parts = line.split(separator: ":", maxSplits: 1)
                if parts.count == 2 { info[String(parts[0])] = String(parts[1]) }
            }
        }
    }

    /// Version, role, persistence, memory, slow log of a server.
    func server(_ node: RedisClient.Node) async throws -> [Finding] {
        let facts = try await ServerFacts.read(engine.redis, node)
        if let why = facts.refusals["INFO"] { return [.unknown("server", "INFO", why)] }
        return [version(facts), role(facts), persistence(facts), eviction(facts), memory(facts), slowLog(facts)]
    }

    private func version(_ facts: ServerFacts) -> Finding {
        let found = facts["redis_version"] ?? "unknown"
        let numbers = found.split(separator: ".").compactMap { Int($0) }
        guard let major = numbers.first, major >= 7 else {
            return Finding(
                "version", .problem, "Redis \(found): functions are needed",
                advice: "upgrade to Redis \(FunctionLibrary.oldestServer) or newer")
        }
        // Valkey has another name for it.
        guard (facts["redis_mode"] ?? facts["server_mode"]) != "cluster" || engine.redis.isCluster else {
            return Finding(
                "version", .problem, "Redis \(found) is a node of a cluster, which has a part of the keys alone",
                advice: "write the redis URL as redis+cluster://, with any of the nodes")
        }
        return Finding("version", .ok, "Redis \(found)")
    }

    private func role(_ facts: ServerFacts) -> Finding {
        guard facts["role"] == "master" else {
            let primary = "\(facts["master_host"] ?? "?"):\(facts["master_port"] ?? "?")"
            return Finding(
                "role", .problem, "this is a replica of \(primary), which can't be written to",
                advice: "point the redis URL at the primary")
        }
        let isCluster = engine.redis.isCluster
        let replicas = facts["connected_slaves"].flatMap { Int($0) } ?? 0
        let count = replicas == 1 ? "1 replica" : "\(replicas) replicas"
        if isCluster, replicas == 0 {
            return Finding(
                "role", .warning, "primary without a replica: its part of the keys is gone when it is",
                advice: "add a replica for each primary: redis-cli --cluster add-node … --cluster-slave")
        }
        guard replicas > 0, facts.setting("min-replicas-to-write") == "0" else {
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
        switch facts.setting("save") {
        case nil:
            return .unknown("persistence", "CONFIG GET", facts.refusals["CONFIG GET"] ?? "save was not answered")
        case "":
            return Finding(
                "persistence", .warning, "neither append-only file nor snapshots: a restart loses everything",
                advice: "set appendonly yes, unless what is in this Redis may be lost")
        case let save?:
            return Finding("persistence", .ok, "snapshots (\(save)): a crash loses what came after the last")
        }
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
        if let why = facts.refusals["SLOWLOG GET"] { return .unknown(name, "SLOWLOG GET", why) }
        let threshold = facts.setting("slowlog-log-slower-than").flatMap { Int64($0) }
        if let threshold, threshold < 0 { return Finding(name, .ok, "switched off") }
        func text(_ microseconds: Int64) -> String {
            microseconds < 1000 ? "\(microseconds) µs" : "\(microseconds / 1000) ms"
        }
        let over = threshold.map { "over \(text($0))" } ?? "slow enough to be listed"
        guard let slowest = facts.slowCalls.max() else {
            return Finding(name, .ok, "none of Curfew's calls was \(over)")
        }
        return Finding(
            name, .warning,
            "\(facts.slowCalls.count) of Curfew's calls were \(over), the slowest took \(text(slowest))",
            advice: "if this goes on: look for a slow disk or a busy machine, or set a smaller page")
    }
}
