package import Logging
package import RedisClient

/// What the parts need that work in Redis: where it is, what Curfew's own keys are called there, and its functions.
package struct Store: Sendable {
    /// The connection.
    package let redis: RedisClient
    /// The names of what Curfew keeps in Redis.
    package let keys: Keys
    /// The functions in Redis.
    package let functions: FunctionLibrary
    /// Where state changes are logged.
    package let logger: Logger

    /// Wires them for a client that is run elsewhere.
    ///
    /// - Parameter prefix: the word that Curfew's own keys start with.
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
