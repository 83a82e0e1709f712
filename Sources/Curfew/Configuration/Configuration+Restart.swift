internal import RedisClient

extension Configuration {
    /// The changed keys that a running process can't apply, in the order of the reference; empty if it can continue
    /// with the other configuration.
    ///
    /// Connections and ports are open, and runs hold leases under the prefix. Applying only a part of a file would run
    /// a configuration that nobody wrote.
    package func keysThatNeedRestart(for other: Configuration) -> [String] {
        var keys: [String] = []
        var server = other.redis
        // It follows the prefix and is not part of the URL.
        server.homeKey = redis.homeKey
        if redis != server { keys.append("redis") }
        if prefix != other.prefix { keys.append("prefix") }
        if log != other.log { keys.append("log") }
        if telemetry != other.telemetry { keys.append("otel") }
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
