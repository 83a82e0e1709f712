/// The answer of a Sentinel: the primary, and the other Sentinels.
struct SentinelAnswer: Equatable {
    /// The address of the primary.
    let primary: RedisConfiguration.Address
    /// The other Sentinels; nil if it refused to list them.
    let others: [RedisConfiguration.Address]?

    /// The questions about a primary of this name; the second one is asked once per connection.
    static func questions(about name: String) -> [RedisCommand] {
        [
            RedisCommand("SENTINEL", ["GET-MASTER-ADDR-BY-NAME", name]),
            RedisCommand("SENTINEL", ["SENTINELS", name]),
        ]
    }

    /// Parses the replies; the second may be missing.
    ///
    /// - Throws: ``RedisError/Code/unreachable`` with the reason why this Sentinel is useless.
    init(_ replies: [RedisValue], about name: String, from sentinel: String) throws(RedisError) {
        let reply = replies.first ?? .null
        if let error = reply.error {
            throw Self.refusal(error, from: sentinel)
        }
        guard !reply.isNull else {
            throw RedisError(
                .unreachable, "it has no primary named “\(name)” (SENTINEL MASTERS lists its primaries)",
                address: sentinel)
        }
        guard let host = reply[0].string, let port = reply[1].integer, let address = Self.address(host, port) else {
            throw RedisError(.unreachable, "its answer “\(reply)” is not an address", address: sentinel)
        }
        primary = address
        others = replies.count < 2 || replies[1].error != nil ? nil : replies[1].elements.compactMap(Self.sentinel)
    }

    private static func refusal(_ error: RedisServerError, from sentinel: String) -> RedisError {
        let code: RedisError.Code = ["NOAUTH", "NOPERM"].contains(error.code) ? .authentication : .unreachable
        let isOther = error.message.contains("unknown command")
        let message = isOther ? "this is not a Sentinel (“\(error)”)" : "it refuses to answer (“\(error)”)"
        return RedisError(code, message, address: sentinel, server: error)
    }

    /// A flat list of fields and values, including `ip` and `port`.
    private static func sentinel(_ fields: RedisValue) -> RedisConfiguration.Address? {
        guard let host = fields.field("ip")?.string, let port = fields.field("port")?.integer else { return nil }
        return address(host, port)
    }

    private static func address(_ host: String, _ port: Int64) -> RedisConfiguration.Address? {
        guard !host.isEmpty, (1...65_535).contains(port) else { return nil }
        return .host(host, port: Int(port))
    }
}
