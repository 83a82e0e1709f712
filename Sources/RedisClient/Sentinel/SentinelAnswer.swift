/// What a Sentinel said to the questions where the primary is and which other Sentinels there are.
struct SentinelAnswer: Equatable {
    /// Where the primary is.
    let primary: RedisConfiguration.Address
    /// The other Sentinels; nil where it didn't say, for it may forbid the question.
    let others: [RedisConfiguration.Address]?

    /// The questions about a primary of this name; asked anew on each connection, the second once.
    static func questions(about name: String) -> [RedisCommand] {
        [
            RedisCommand("SENTINEL", ["GET-MASTER-ADDR-BY-NAME", name]),
            RedisCommand("SENTINEL", ["SENTINELS", name]),
        ]
    }

    /// Reads the replies, of which the second may be missing.
    ///
    /// - Throws: ``RedisError/Code/unreachable``, saying why this Sentinel is of no use.
    init(_ replies: [RedisValue], about name: String, from sentinel: String) throws(RedisError) {
        let reply = replies.first ?? .null
        if let error = reply.error {
            throw Self.refusal(error, from: sentinel)
        }
        guard !reply.isNull else {
            throw RedisError(
                .unreachable, "it knows no primary called “\(name)” (SENTINEL MASTERS lists what it knows)",
                address: sentinel)
        }
        guard let host = reply[0].string, let port = reply[1].integer, let address = Self.address(host, port) else {
            throw RedisError(.unreachable, "its answer “\(reply)” is no address", address: sentinel)
        }
        primary = address
        others = replies.count < 2 || replies[1].error != nil ? nil : replies[1].elements.compactMap(Self.sentinel)
    }

    private static func refusal(_ error: RedisServerError, from sentinel: String) -> RedisError {
        let code: RedisError.Code = ["NOAUTH", "NOPERM"].contains(error.code) ? .authentication : .unreachable
        let isOther = error.message.contains("unknown command")
        let message = isOther ? "this is no Sentinel (“\(error)”)" : "it refuses to answer (“\(error)”)"
        return RedisError(code, message, address: sentinel, server: error)
    }

    /// Fields and values in turn, `ip` and `port` among them.
    private static func sentinel(_ fields: RedisValue) -> RedisConfiguration.Address? {
        guard let host = fields.field("ip")?.string, let port = fields.field("port")?.integer else { return nil }
        return address(host, port)
    }

    private static func address(_ host: String, _ port: Int64) -> RedisConfiguration.Address? {
        guard !host.isEmpty, (1...65_535).contains(port) else { return nil }
        return .host(host, port: Int(port))
    }
}
