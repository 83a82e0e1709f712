internal import RedisClient

extension Configuration {
    /// The keys under which another configuration differs in what a running process can't change, in the order of the
    /// reference; none where it could go on with that one.
    ///
    /// Connections are open, ports are listened on, and runs hold leases under the prefix: to go on with half of a file
    /// would be to run what nobody wrote.
    package func keysThatNeedRestart(for other: Configuration) -> [String] {
        var keys: [String] = []
        var server = other.redis
        // Follows the prefix, and is no part of the URL.
        server.homeKey = redis.homeKey
        if redis != server { keys.append("redis") }
        if prefix != other.prefix { keys.append("prefix") }
        switch (http, other.http) {
        case (nil, nil): break
        case (let own?, let new?):
            if (own.host, own.port) != (new.host, new.port) { keys.append("http.listen") }
            if own.tls != new.tls { keys.append("http.tls") }
        default: keys.append("http")
        }
        return keys
    }
}
