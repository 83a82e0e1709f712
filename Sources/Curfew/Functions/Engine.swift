package import Logging
package import RedisClient

/// The configuration and everything that is needed to talk to Redis, created once.
package struct Engine: Sendable {
    /// The configuration.
    package let configuration: Configuration
    /// The client.
    package let redis: RedisClient
    /// The names of Curfew's keys.
    package let keys: Keys
    /// The functions in Redis.
    package let library: FunctionLibrary
    /// This instance.
    package let instance: Instance
    /// The log for state changes.
    package let logger: Logger

    /// Creates the engine for a configuration and a client that is run elsewhere.
    package init(
        configuration: Configuration, redis: RedisClient, instance: Instance = .current, logger: Logger
    ) {
        self.configuration = configuration
        self.redis = redis
        self.instance = instance
        self.logger = logger
        keys = Keys(prefix: configuration.prefix)
        library = FunctionLibrary(redis: redis, logger: logger)
    }

    /// The cleanup of that name; throws an error that lists the existing names.
    package func cleanup(named name: String) throws(CurfewError) -> Cleanup {
        guard let cleanup = configuration.cleanup(named: name) else { throw unknown(cleanup: name) }
        return cleanup
    }

    /// The error for an unknown cleanup.
    package func unknown(cleanup name: String) -> CurfewError {
        let names = configuration.cleanups.map(\.name)
        let known = names.isEmpty ? "none, since none is configured" : "one of \(names.joined(separator: ", "))"
        return CurfewError(.usage, "there is no cleanup “\(name)”: expected \(known)")
    }

    /// The bucket of that name in the configuration.
    ///
    /// Requests are signed with the server's time: storage refuses a clock that is off by a quarter of an hour, and an
    /// instance with such a clock would block a cleanup for all others.
    func storage(named name: String, clock: ServerClock) throws(CurfewError) -> ObjectStorage {
        guard let found = configuration.storage.first(where: { $0.name == name }) else {
            throw CurfewError(.usage, "there is no storage “\(name)” in the configuration")
        }
        return ObjectStorage(found, clock: { clock.now })
    }

    /// Reads the server's time.
    package func serverClock() async throws(CurfewError) -> ServerClock {
        try await ServerClock.read(from: redis)
    }
}
