internal import Admin
internal import ArgumentParser
internal import Curfew
internal import Logging
internal import RedisClient
internal import ServiceLifecycle
internal import UnixSignals

/// `curfew serve`: the HTTP server without a worker.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Runs the HTTP server without a worker: API, dashboard and metrics.",
        discussion: "SIGHUP reloads the configuration.")

    @OptionGroup var options: GlobalOptions

    func run() async throws {
        let configuration = try options.configuration(.info)
        let logger = options.logger(.info, configuration.log)
        let redis = RedisClient(configuration.redis, logger: logger)
        let source = EngineSource(Engine(configuration: configuration, redis: redis, logger: logger))
        let reload = await Reload(options, source: source) { [options] in try options.configuration() }
        let group = ServiceGroup(
            configuration: .init(
                services: [
                    .init(service: RedisService(client: redis)),
                    .init(service: reload),
                    .init(
                        service: AdminServer(source: source, logger: logger),
                        successTerminationBehavior: .gracefullyShutdownGroup),
                    .init(service: PrimaryWatch(client: redis, logger: logger)),
                    .init(service: FarewellService(client: redis)),
                ],
                gracefulShutdownSignals: [.sigterm, .sigint],
                logger: logger))
        try await group.run()
    }
}

/// Keeps the pages on the primary.
///
/// A server that only reads gets no error from a demoted primary, so its role is checked.
struct PrimaryWatch: Service {
    private static let interval = Duration.seconds(10)

    let client: RedisClient
    let logger: Logger

    /// Checks periodically until a graceful shutdown.
    func run() async {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    try await Task.sleep(for: Self.interval)
                    try await client.leaveReplica()
                } catch is CancellationError {
                    return
                } catch {
                    logger.debug("the role of the server can't be read", metadata: ["error": "\(error)"])
                }
            }
        }
    }
}
