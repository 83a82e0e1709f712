internal import Policies
internal import RedisClient

/// The commands for records that stand in registries.
extension Doctor {
    /// Each as its words; of a registry whose kind is not said, those for every kind.
    func needs(of source: RecordSource, in cleanup: Cleanup) -> [[String]] {
        let keys = store.keys
        var needs: [[String]] = [
            ["GET", keys.walk(cleanup.name)], ["SET", keys.walk(cleanup.name), "x"],
            ["ZMSCORE", cleanup.indexKey(keys), "x"], ["ZREMRANGEBYSCORE", cleanup.indexKey(keys), "-inf", "1"],
        ]
        if cleanup.notesFirstSeen {
            needs += [["HSCAN", keys.seen(cleanup.name), "0"], ["ZREM", cleanup.indexKey(keys), "x"]]
        }
        if source.isScanned {
            let found = keys.registries(cleanup.name)
            needs += [["ZRANGE", found, "0", "-1"], ["ZADD", found, "1", "x"], ["ZREMRANGEBYRANK", found, "0", "1"]]
        }
        for each in source.each { needs += [["TYPE", each.key], ["SMEMBERS", each.key]] }
        for template in source.templates { needs += self.needs(ofRegistry: Self.sample(template), source) }
        switch source.body {
        case .key(let template):
            guard let record = Self.sample(template) else { break }
            let isText = cleanup.format != .hash
            needs += [isText ? ["GET", record] : ["HMGET", record, "a"], ["TYPE", record], ["EXISTS", record]]
            if cleanup.removesRecords { needs += self.needs(ofRemoving: record) }
            if !cleanup.writtenFields.isEmpty {
                needs +=
                    isText ? [["SET", record, "a", "KEEPTTL"]] : [["HSET", record, "a", "b"], ["HDEL", record, "a"]]
            }
        case .field(let template, _):
            guard let hash = Self.sample(template) else { break }
            needs += [["HGET", hash, "a"], ["HEXISTS", hash, "a"], ["HDEL", hash, "a"], ["HSET", hash, "a", "b"]]
        case .member: break
        }
        return needs + self.needs(ofUses: cleanup.policy.reads + cleanup.writes)
    }

    private func needs(ofRegistry sample: String?, _ source: RecordSource) -> [[String]] {
        guard let sample else { return [] }
        if let group = source.group {
            return [
                ["TYPE", sample], ["XPENDING", sample, group, "-", "+", "1"], ["XACK", sample, group, "0-1"],
                ["XRANGE", sample, "0-1", "0-1"],
            ]
        }
        let sorted: [[String]] = [
            ["ZRANGE", sample, "0", "0"], ["ZSCORE", sample, "x"], ["ZREM", sample, "x"], ["ZADD", sample, "1", "x"],
        ]
        guard !source.isByScore else { return sorted }
        return sorted + [
            ["TYPE", sample], ["LRANGE", sample, "0", "0"], ["LPOS", sample, "x"], ["LREM", sample, "1", "x"],
            ["SSCAN", sample, "0"], ["SISMEMBER", sample, "x"], ["SREM", sample, "x"], ["HSCAN", sample, "0"],
            ["HGET", sample, "x"], ["HDEL", sample, "x"],
        ]
    }
}
