package import Logging
package import RedisClient

/// What the file says, which instance this is, and what all its parts need in Redis: put together once.
package struct Engine: Sendable {
    /// What the file says.
    package let configuration: Configuration
    /// What the parts need that work in Redis.
    package let store: Store
    /// Which instance this is.
    package let instance: Instance

    /// Wires the parts for a configuration and a client that is run elsewhere.
    package init(
        configuration: Configuration, redis: RedisClient, instance: Instance = .current, logger: Logger
    ) {
        self.configuration = configuration
        self.instance = instance
        store = Store(redis: redis, prefix: configuration.prefix, logger: logger)
    }

    /// The connection.
    package var redis: RedisClient { store.redis }
    /// The names of what Curfew keeps in Redis.
    package var keys: Keys { store.keys }
    /// The functions in Redis.
    package var functions: FunctionLibrary { store.functions }
    /// Where state changes are logged.
    package var logger: Logger { store.logger }

    /// The cleanup of that name; throws an error that lists the names there are.
    package func cleanup(named name: String) throws(CurfewError) -> Cleanup {
        guard let cleanup = configuration.cleanup(named: name) else { throw unknown(cleanup: name) }
        return cleanup
    }

    /// What is wrong with the name of a cleanup that there isn't.
    package func unknown(cleanup name: String) -> CurfewError {
        let names = configuration.cleanups.map(\.name)
        let known = names.isEmpty ? "none, since none is configured" : "one of \(names.joined(separator: ", "))"
        return CurfewError(.usage, "there is no cleanup “\(name)”: expected \(known)")
    }

    /// Where events go.
    var journal: Journal { Journal(keys, configuration.streams) }

    /// Reads the server's time.
    package func serverClock() async throws(CurfewError) -> ServerClock {
        try await store.serverClock()
    }
}
