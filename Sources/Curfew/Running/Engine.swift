package import Logging
internal import Policies
package import RedisClient

/// The configuration, this instance, and everything that is needed to talk to Redis, created once.
package struct Engine: Sendable {
    /// The configuration.
    package let configuration: Configuration
    /// What the parts need to work with Redis.
    package let store: Store
    /// This instance.
    package let instance: Instance
    /// Who watches its runs.
    package let instruments: Instruments
    /// What the ends of its runs share.
    let ends = RunEnds()

    /// Creates the engine for a configuration and a client that is run elsewhere.
    package init(
        configuration: Configuration, redis: RedisClient, instance: Instance = .current, logger: Logger,
        instruments: Instruments = .none
    ) {
        self.instruments = instruments
        self.configuration = configuration
        self.instance = instance
        store = Store(redis: redis, prefix: configuration.prefix, logger: logger)
    }

    /// The client.
    package var redis: RedisClient { store.redis }
    /// The names of Curfew's keys.
    package var keys: Keys { store.keys }
    /// The functions in Redis.
    package var functions: FunctionLibrary { store.functions }
    /// The log for state changes.
    package var logger: Logger { store.logger }

    /// The cleanup of that name; throws an error that lists the existing names.
    package func cleanup(named name: String) throws(CurfewError) -> Cleanup {
        guard let cleanup = configuration.cleanup(named: name) else { throw unknown(cleanup: name) }
        return cleanup
    }

    /// The error for an unknown cleanup.
    package func unknown(cleanup name: String) -> CurfewError { unknown(cleanups: [name]) }

    /// The error for unknown cleanups.
    package func unknown(cleanups: [String]) -> CurfewError {
        let names = configuration.cleanups.map(\.name)
        let known = names.isEmpty ? "none, since none is configured" : "one of \(names.joined(separator: ", "))"
        let unknown = cleanups.map { "“\($0.shortened(to: 200))”" }.joined(separator: " or ")
        return CurfewError(.usage, "there is no cleanup \(unknown): expected \(known)")
    }

    /// Where events go.
    var journal: Journal { Journal(keys, configuration.streams) }

    /// Reads the server's time.
    package func serverClock() async throws(CurfewError) -> ServerClock {
        try await store.serverClock()
    }
}
