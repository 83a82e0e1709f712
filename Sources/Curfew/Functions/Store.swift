package import Logging
package import RedisClient

/// What the parts need to work with Redis: the client, the names of Curfew's keys, and its functions.
package struct Store: Sendable {
    /// The client.
    package let redis: RedisClient
    /// The names of Curfew's keys.
    package let keys: Keys
    /// The functions in Redis.
    package let functions: FunctionLibrary
    /// The log for state changes.
    package let logger: Logger

    /// Creates the store for a client that is run elsewhere.
    ///
    /// - Parameter prefix: the prefix of Curfew's own keys.
    package init(redis: RedisClient, prefix: String, logger: Logger) {
        self.redis = redis
        self.logger = logger
        keys = Keys(prefix: prefix)
        functions = FunctionLibrary(redis: redis, logger: logger)
    }

    /// Reads the server's time.
    package func serverClock() async throws(CurfewError) -> ServerClock {
        try await ServerClock.read(from: redis)
    }
}
