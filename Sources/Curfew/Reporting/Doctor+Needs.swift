internal import Policies
internal import RedisClient

/// The commands that Curfew needs: one for each way in which it uses a key. Functions run with the caller's
/// permissions.
extension Doctor {
    /// All commands for this configuration and topology.
    var needs: [[String]] {
        var needs = connectionNeeds + coordinationNeeds
        for cleanup in configuration.cleanups { needs += self.needs(of: cleanup) }
        for receiver in configuration.receivers { needs += self.needs(of: receiver) }
        return needs + (configuration.http == nil ? [] : sessionNeeds)
    }

    private var connectionNeeds: [[String]] {
        let topology: [[String]]
        switch configuration.redis.topology {
        case .standalone: topology = []
        case .sentinel: topology = [["ROLE"]]
        case .cluster: topology = [["CLUSTER", "SLOTS"], ["CLUSTER", "INFO"], ["ASKING"]]
        }
        return topology + [
            ["PING"], ["CLIENT", "SETNAME", "x"], ["SELECT", "0"], ["TIME"], ["FUNCTION", "LIST"],
            ["FCALL_RO", RedisFunction.version.name, "0"],
        ]
    }

    /// The commands for dashboard sessions.
    private var sessionNeeds: [[String]] {
        let (secret, session) = (store.keys.secret, store.keys.session("x"))
        return [
            ["GET", secret], ["SET", secret, "x"], ["GET", session], ["SET", session, "x"], ["DEL", session],
        ]
    }

    private var coordinationNeeds: [[String]] {
        let keys = store.keys
        var needs: [[String]] = [
            ["FCALL", RedisFunction.tick.name, "1", keys.schedule], ["PUBLISH", keys.wake, "x"],
            ["SUBSCRIBE", keys.wake],
            ["ZADD", keys.schedule, "1", "x"], ["ZSCORE", keys.schedule, "x"], ["ZRANGE", keys.schedule, "0", "1"],
            ["ZRANGEBYSCORE", keys.schedule, "-inf", "1"], ["HINCRBY", keys.fence, "x", "1"],
            ["HGETALL", keys.fence], ["ZADD", keys.instances, "1", "x"], ["ZREM", keys.instances, "x"],
            ["ZREVRANGE", keys.instances, "0", "1"], ["ZREMRANGEBYSCORE", keys.instances, "-inf", "1"],
            ["HSET", keys.instance("x"), "a", "b"], ["HMGET", keys.instance("x"), "a"],
            ["PEXPIRE", keys.instance("x"), "1"], ["DEL", keys.instance("x")], ["HGET", keys.paused, "x"],
            ["HGETALL", keys.paused], ["HEXISTS", keys.paused, "x"], ["HDEL", keys.paused, "x"],
            ["HSET", keys.paused, "x", "y"], ["ZADD", keys.running, "1", "x"], ["ZREM", keys.running, "x"],
            ["ZCARD", keys.running], ["ZMSCORE", keys.running, "x"], ["ZCOUNT", keys.schedule, "0", "1"],
            ["HSET", keys.knows("x"), "a", "b"], ["HMGET", keys.knows("x"), "a"], ["HLEN", keys.knows("x")],
            ["SET", keys.registrar(of: "x"), "a"], ["GET", keys.registrar(of: "x")],
            ["DEL", keys.registrar(of: "x")], ["ZREMRANGEBYSCORE", keys.mates("x"), "-inf", "1"],
            ["ZREM", keys.mates("x"), "x"],
        ]
        for stream in [keys.runs, keys.metrics, keys.alerts, keys.events] {
            needs += [
                ["XADD", stream, "*", "a", "b"], ["XTRIM", stream, "MAXLEN", "1"], ["XRANGE", stream, "-", "+"],
                ["XREVRANGE", stream, "+", "-"], ["TYPE", stream],
            ]
        }
        if configuration.hasWatch {
            let watch = keys.watch(configuration.fingerprint)
            needs += [["GET", watch], ["SET", watch, "x", "PX", "1"], ["HLEN", keys.owed], ["HGETALL", keys.owed]]
        }
        for alert in configuration.alerts.prefix(1).map({ keys.alert($0.name) }) {
            needs += [["HSET", alert, "a", "b"], ["HMGET", alert, "a"], ["HGETALL", alert]]
        }
        return needs
    }

    private func needs(of cleanup: Cleanup) -> [[String]] {
        let keys = store.keys
        let index = cleanup.indexKey(keys)
        let lease = keys.lease(cleanup.name)
        var needs: [[String]] = [
            ["HSET", lease, "a", "b"], ["HGET", lease, "a"], ["HMGET", lease, "a"], ["HGETALL", lease], ["DEL", lease],
            ["TYPE", index], ["ZRANGE", index, "0", "1"], ["ZCOUNT", index, "0", "1"], ["ZCARD", index],
            ["ZSCORE", index, "x"], ["ZADD", index, "1", "x"], ["ZREM", index, "x"],
        ]
        if cleanup.index != nil {
            needs += [["ZRANGEBYSCORE", index, "-inf", "1"], ["ZRANDMEMBER", index, "1"]]
        }
        if cleanup.scan != nil {
            let scan = keys.scan(cleanup.name)
            needs += [
                ["SCAN", "0"], ["DBSIZE"], ["INFO", "server"], ["ZMSCORE", index, "x"], ["HMGET", scan, "a"],
                ["HSET", scan, "a", "b"], ["HINCRBY", scan, "a", "1"], ["HDEL", scan, "a"],
            ]
        }
        if let source = cleanup.source, source.isRegistry { return needs + self.needs(of: source, in: cleanup) }
        guard let record = Self.sample(cleanup.records) else { return needs }
        if store.redis.isCluster { needs += self.needs(ofSagas: keys.saga(cleanup.name), beside: record) }
        let isJSON = cleanup.format == .json
        needs += [isJSON ? ["GET", record] : ["HMGET", record, "a"], ["TYPE", record], ["EXISTS", record]]
        needs.append(isJSON ? ["STRLEN", record] : ["HSTRLEN", record, "a"])
        if cleanup.removesRecords { needs += self.needs(ofRemoving: record) }
        let manner = cleanup.policy.manner
        if manner.takesText {
            needs += [
                ["GET", record], ["STRLEN", record], ["HGET", record, "a"], ["HLEN", record], ["HGETALL", record],
            ]
        }
        if manner.notesFirstSeen {
            let seen = keys.seen(cleanup.name)
            needs += [["HGET", seen, "a"], ["HSET", seen, "a", "b"], ["HDEL", seen, "a"]]
            needs += [["OBJECT", "IDLETIME", record], ["PTTL", record]]
        }
        if !manner.takesText {
            if !isJSON { needs += [["HGET", record, "a"], ["HEXISTS", record, "a"]] }
            if !cleanup.writtenFields.isEmpty {
                needs +=
                    isJSON ? [["SET", record, "a", "KEEPTTL"]] : [["HSET", record, "a", "b"], ["HDEL", record, "a"]]
            }
        }
        return needs + self.needs(ofUses: cleanup.policy.reads + cleanup.writes)
    }

    /// The commands for the log of a saga, while a change goes from slot to slot.
    private func needs(ofSagas plans: String, beside record: String) -> [[String]] {
        let mark = Keys.pending(of: record, run: "x")
        return [
            ["HLEN", plans], ["HGETALL", plans], ["HSET", plans, "a", "b"], ["HDEL", plans, "a"],
            ["HSET", mark, "a", "b"], ["HGET", mark, "a"], ["HMGET", mark, "a"], ["HGETALL", mark],
            ["HDEL", mark, "a"],
            ["PEXPIRE", mark, "1"], ["HSETNX", mark, "a", "b"], ["EXISTS", mark],
        ]
    }

    /// The commands that move a record to the trash and restore it.
    func needs(ofRemoving record: String) -> [[String]] {
        let trash = Keys.trash(of: record, run: "x")
        return [
            ["PEXPIRETIME", record], ["RENAME", record, trash], ["PEXPIRE", trash, "1"], ["SET", trash, "x"],
            ["EXISTS", trash], ["GET", trash], ["RENAME", trash, record], ["PERSIST", record],
            ["PEXPIREAT", record, "1"], ["DEL", trash],
        ]
    }

    /// The commands for keys beside the record, with sample keys as its fields might name them.
    func needs(ofUses uses: [KeyUse]) -> [[String]] {
        var needs: [[String]] = []
        for use in uses {
            guard let key = Self.sample(use.template) else { continue }
            needs += use.commands.map { [$0[0], key] + $0.dropFirst() }
            if use.role == .companion { needs += self.needs(ofRemoving: key) }
            if use.isQueue {
                needs += [["HMGET", store.keys.kinds, "a"], ["HSET", store.keys.kinds, "a", "b"]]
            }
        }
        return needs
    }

    /// A sample key of a template; nil without a template.
    static func sample(_ template: KeyTemplate?) -> String? {
        do {
            return try template?.expand(id: "x") { _ in "x" }
        } catch {
            return nil
        }
    }
}
