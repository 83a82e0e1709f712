internal import Policies
internal import RedisClient

extension Doctor {
    /// Asks the server, without doing any of it, whether this user may do what Curfew does.
    func permissions() async throws -> Finding {
        let name = "permissions"
        let who = try await engine.redis.pipeline([RedisCommand("ACL", ["WHOAMI"])])[0]
        guard let user = who.string else {
            return .unknown(name, "ACL WHOAMI and ACL DRYRUN", who.error?.message ?? "the user is not known")
        }
        let needed = needs
        let replies = try await engine.redis.pipeline(needed.map { RedisCommand("ACL", ["DRYRUN", user] + $0) })
        if let error = replies.lazy.compactMap(\.error).first { return .unknown(name, "ACL DRYRUN", error.message) }
        var refused: [String] = []
        for (command, reply) in zip(needed, replies) where reply.string != "OK" {
            let text = command.prefix(2).joined(separator: " ")
            if !refused.contains(text) { refused.append(text) }
        }
        guard !refused.isEmpty else {
            return Finding(
                name, .ok,
                "\(user) may do all \(needed.count) things tried (keys of refunds, queues and workers not among them)")
        }
        let more = refused.count > 8 ? ", and \(refused.count - 8) more" : ""
        let shown = refused.prefix(8).joined(separator: ", ") + more
        return Finding(
            name, .problem, "\(user) may not: \(shown)",
            advice: "allow these with ACL SETUSER \(user): commands as +name, keys as ~pattern, channels as &pattern")
    }

    /// One command for every way in which Curfew uses a key; functions run with the caller's permissions.
    private var needs: [[String]] {
        let keys = engine.keys
        var needs: [[String]] = [
            ["TIME"], ["FCALL", "curfew_tick", "1", keys.schedule], ["FCALL_RO", "curfew_version", "0"],
            ["FUNCTION", "LOAD", "REPLACE", "code"], ["PUBLISH", keys.wake, "x"], ["SUBSCRIBE", keys.wake],
            ["ZADD", keys.schedule, "1", "x"], ["ZSCORE", keys.schedule, "x"], ["HINCRBY", keys.fence, "x", "1"],
            ["ZADD", keys.instances, "1", "x"], ["ZREM", keys.instances, "x"],
            ["HSET", keys.instance("x"), "a", "b"], ["PEXPIRE", keys.instance("x"), "1"], ["DEL", keys.instance("x")],
            ["HGET", keys.paused, "x"], ["HDEL", keys.paused, "x"], ["HSET", keys.paused, "x", "y"],
        ]
        for stream in [keys.runs, keys.metrics, keys.alerts, keys.events] {
            needs += [
                ["XADD", stream, "*", "a", "b"], ["XTRIM", stream, "MAXLEN", "1"], ["XREVRANGE", stream, "+", "-"],
            ]
        }
        needs += engine.configuration.alerts.prefix(1).map { ["HSET", keys.alert($0.name), "a", "b"] }
        for cleanup in engine.configuration.cleanups { needs += self.needs(of: cleanup) }
        for webhook in engine.configuration.webhooks { needs += self.needs(of: webhook) }
        return needs
    }

    private func needs(of cleanup: Cleanup) -> [[String]] {
        let keys = engine.keys
        let index = cleanup.index ?? keys.index(cleanup.name)
        let lease = keys.lease(cleanup.name)
        var needs: [[String]] = [
            ["HSET", lease, "a", "b"], ["HMGET", lease, "a"], ["DEL", lease], ["ZRANGE", index, "0", "1"],
            ["ZCOUNT", index, "0", "1"], ["ZADD", index, "1", "x"], ["ZREM", index, "x"],
        ]
        if cleanup.scan != nil {
            let scan = keys.scan(cleanup.name)
            needs += [
                ["SCAN", "0"], ["DBSIZE"], ["INFO", "server"], ["ZMSCORE", index, "x"], ["HMGET", scan, "a"],
                ["HSET", scan, "a", "b"], ["HINCRBY", scan, "a", "1"], ["HDEL", scan, "a"],
            ]
        }
        guard let record = sample(of: cleanup) else { return needs }
        let isJSON = cleanup.format == .json
        needs += [isJSON ? ["GET", record] : ["HMGET", record, "a"], ["TYPE", record], ["EXISTS", record]]
        let kind = type(of: cleanup.policy).kind
        if kind.removesRecords { needs += self.needs(ofRemoving: record) }
        switch kind {
        case .locks: needs += [["GET", record], ["HSET", keys.seen(cleanup.name), "a", "b"]]
        case .retention: break
        default: needs.append(isJSON ? ["SET", record, "a", "KEEPTTL"] : ["HSET", record, "a", "b"])
        }
        return needs
    }

    /// Into the trash, and out of it again.
    private func needs(ofRemoving record: String) -> [[String]] {
        let trash = Keys.trash(of: record, run: "x")
        return [
            ["PEXPIRETIME", record], ["RENAME", record, trash], ["PEXPIRE", trash, "1"], ["SET", trash, "x"],
            ["RENAME", trash, record], ["PERSIST", record],
        ]
    }

    /// A key such as the cleanup's records have; nil where it can't be made of an id alone.
    private func sample(of cleanup: Cleanup) -> String? {
        do {
            return try cleanup.records.expand(id: "x") { _ in nil }
        } catch {
            return nil
        }
    }
}
