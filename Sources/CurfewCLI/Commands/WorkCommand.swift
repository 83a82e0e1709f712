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
        abstract: "Runs the worker: claims what is due, until it is told to stop.",
        discussion: "Where the configuration has “http”, it answers there beside its work.")

    @Flag(help: "Start a private redis-server beside it, in place of the configured one.")
    var embedded = false

    @OptionGroup var options: GlobalOptions

    func run() async throws {
        var configuration = try options.configuration()
        let logger = options.logger(.info)
        var server: EmbeddedRedis?
        if embedded {
            let started = try EmbeddedRedis.start()
            configuration.redis = try RedisConfiguration(url: started.url)
            Output.note("curfew: a private redis-server answers at \(started.command)\n")
            server = started
        }
        defer { server?.stop() }
        let redis = RedisClient(configuration.redis, logger: logger)
        let engine = Engine(configuration: configuration, redis: redis, logger: logger)
        var services: [ServiceGroupConfiguration.ServiceConfiguration] = [
            .init(service: RedisService(client: redis)),
            .init(service: Worker(engine: engine), successTerminationBehavior: .gracefullyShutdownGroup),
        ]
        if configuration.http != nil {
            services.append(.init(service: AdminServer(source: EngineSource(engine), logger: logger)))
        }
        let group = ServiceGroup(
            configuration: .init(
                services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        try await group.run()
    }
}

/// The connection as a service: it is closed after everything that uses it has come to its end.
struct RedisService: Service {
    let client: RedisClient

    func run() async throws {
        try await withGracefulShutdownHandler {
            try await client.run()
        } onGracefulShutdown: {
            client.shutdown()
        }
    }
}
