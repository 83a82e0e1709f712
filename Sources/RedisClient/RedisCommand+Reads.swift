/// The commands that only read, by Redis's names: they are repeated after a lost connection, other commands only if
/// they say so.
///
/// The creator of a command needn't know. A test compares the lists with a server's own information.
extension RedisCommand {
    /// Commands that a server calls read-only: they read keys.
    static let readers: Set<String> = [
        "BITCOUNT", "BITFIELD_RO", "BITPOS", "CLUSTERSCAN", "DBSIZE", "DUMP", "EVALSHA_RO", "EVAL_RO", "EXISTS",
        "EXPIRETIME", "FCALL_RO", "GEODIST", "GEOHASH", "GEOPOS", "GEORADIUSBYMEMBER_RO", "GEORADIUS_RO", "GEOSEARCH",
        "GET", "GETBIT", "GETRANGE", "HEXISTS", "HEXPIRETIME", "HGET", "HGETALL", "HKEYS", "HLEN", "HMGET",
        "HPEXPIRETIME", "HPTTL", "HRANDFIELD", "HSCAN", "HSTRLEN", "HTTL", "HVALS", "KEYS", "LCS", "LINDEX", "LLEN",
        "LOLWUT", "LPOS", "LRANGE", "MGET", "PEXPIRETIME", "PFCOUNT", "PTTL", "RANDOMKEY", "SCAN", "SCARD", "SDIFF",
        "SINTER", "SINTERCARD", "SISMEMBER", "SMEMBERS", "SMISMEMBER", "SORT_RO", "SRANDMEMBER", "SSCAN", "STRALGO",
        "STRLEN", "SUBSTR", "SUNION", "TOUCH", "TTL", "TYPE", "XLEN", "XPENDING", "XRANGE", "XREAD", "XREVRANGE",
        "ZCARD", "ZCOUNT", "ZDIFF", "ZINTER", "ZINTERCARD", "ZLEXCOUNT", "ZMSCORE", "ZRANDMEMBER", "ZRANGE",
        "ZRANGEBYLEX", "ZRANGEBYSCORE", "ZRANK", "ZREVRANGE", "ZREVRANGEBYLEX", "ZREVRANGEBYSCORE", "ZREVRANK",
        "ZSCAN", "ZSCORE", "ZUNION",
    ]

    /// Read-only subcommands, by command.
    static let containedReaders: [String: Set<String>] = [
        "MEMORY": ["USAGE"], "OBJECT": ["ENCODING", "FREQ", "IDLETIME", "REFCOUNT"],
        "XINFO": ["CONSUMERS", "GROUPS", "STREAM"],
    ]

    /// Commands about the server itself, which it doesn't call read-only.
    static let questions: Set<String> = ["COMMAND", "INFO", "PING", "ROLE", "TIME"]

    /// Subcommands about the server itself, by command.
    static let containedQuestions: [String: Set<String>] = [
        "ACL": ["DRYRUN", "WHOAMI"], "CLUSTER": ["INFO", "NODES", "SLOTS"], "CONFIG": ["GET"], "FUNCTION": ["LIST"],
        "SCRIPT": ["EXISTS"], "SLOWLOG": ["GET"],
    ]

    /// Whether a command of that name, with that subcommand, changes nothing.
    static func isRead(_ name: String, _ second: String?) -> Bool {
        if readers.contains(name) || questions.contains(name) { return true }
        guard let second, let contained = containedReaders[name] ?? containedQuestions[name] else { return false }
        return contained.contains(second)
    }
}
