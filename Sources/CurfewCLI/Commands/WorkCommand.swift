internal import Admin
internal import ArgumentParser
internal import Curfew
internal import Foundation
internal import Logging
internal import RedisClient
internal import ServiceLifecycle
internal import UnixSignals

/// `curfew work`: the worker.
struct WorkCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "work",
        abstract: "Runs the worker: claims due cleanups until it is stopped.",
        discussion: """
            If the configuration has “http”, the worker also serves HTTP. SIGHUP reloads the configuration. SIGTERM \
            makes it hand over and exit.
            """)

    @Flag(help: "Start a private redis-server and use it instead of the configured one.")
    var embedded = false

    @OptionGroup var options: GlobalOptions

    func run() async throws {
        let file = try options.configuration(.info)
        let logger = options.logger(.info, file.log)
        let server = embedded ? try EmbeddedRedis.start() : nil
        defer { server?.stop() }
        if let server { Output.note("curfew: a private redis-server is running: \(server.command)\n") }
        let own = try server.map { try RedisConfiguration(url: $0.url) }
        let configuration = Self.adapted(file, to: own)
        let redis = RedisClient(configuration.redis, logger: logger)
        let queue = TelemetryQueue()
        let engine = Engine(
            configuration: configuration, redis: redis, logger: logger,
            instruments: configuration.telemetry == nil ? .none : queue.instruments)
        let (worker, source) = (Worker(engine: engine), EngineSource(engine))
        let reload = await Reload(options, source: source) { [options] in
            Self.adapted(try options.configuration(), to: own)
        } apply: {
            worker.reload(with: $0)
        }
        let telemetry = configuration.telemetry.map {
            TelemetryService($0, queue, source: source, worker: worker, logger: logger)
        }
        var services: [ServiceGroupConfiguration.ServiceConfiguration] = [
            .init(service: RedisService(client: redis))
        ]
        // It ends after what it measures, and before the connection.
        if let telemetry { services.append(.init(service: telemetry)) }
        services += [
            .init(service: reload),
            .init(service: worker, successTerminationBehavior: .gracefullyShutdownGroup),
        ]
        if configuration.http != nil {
            services.append(
                .init(service: AdminServer(source: source, worker: worker, logger: logger, telemetry: telemetry)))
        }
        services.append(.init(service: ServiceManager(logger: logger)))
        services.append(.init(service: StartPages(logger: logger)))
        services.append(.init(service: FarewellService(client: redis)))
        let group = ServiceGroup(
            configuration: .init(
                services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        try await group.run()
    }

    /// The configuration of the file, with the private Redis instead of the configured one.
    private static func adapted(_ file: Configuration, to own: RedisConfiguration?) -> Configuration {
        var configuration = file
        if let own { configuration.redis = own }
        return configuration
    }
}

/// The connection as a service: it closes after every service that uses it has ended.
struct RedisService: Service {
    let client: RedisClient

    func run() async throws {
        // The service group handles signals now.
        Interrupt.leave()
        try await withGracefulShutdownHandler {
            try await client.run()
        } onGracefulShutdown: {
            client.shutdown()
        }
        // The client may have ended early because the server no longer answers.
        try await gracefulShutdown()
    }
}

/// Starts the fast shutdown.
///
/// It is last in the group, so it hears of the shutdown first: from then on no command waits long for a Redis that
/// doesn't answer, and a second signal ends the process at once.
struct FarewellService: Service {
    let client: RedisClient

    func run() async throws {
        try await gracefulShutdown()
        Interrupt.listen()
        client.endWhenSilent(for: Interrupt.silence)
    }
}
