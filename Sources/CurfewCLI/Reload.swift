internal import Admin
internal import Curfew
internal import Logging
internal import ServiceLifecycle
internal import UnixSignals

/// Reloads the configuration on every SIGHUP.
///
/// The new configuration is applied as a whole or not at all: if it has a problem or needs a restart, the previous one
/// stays in force and the log says why.
struct Reload: Service {
    let path: String
    let source: EngineSource
    let signals: UnixSignalsSequence
    /// Reads the configuration.
    let read: @Sendable () throws -> Configuration
    /// Continues with the new engine.
    let apply: @Sendable (Engine) -> Void

    /// Creates the service; from then on SIGHUP doesn't end the process.
    init(
        _ options: GlobalOptions, source: EngineSource, read: @escaping @Sendable () throws -> Configuration,
        apply: @escaping @Sendable (Engine) -> Void = { _ in }
    ) async {
        path = options.path
        self.source = source
        self.read = read
        self.apply = apply
        signals = await UnixSignalsSequence(trapping: .sighup)
    }

    /// Handles signals until a graceful shutdown.
    func run() async throws {
        for await _ in signals.cancelOnGracefulShutdown() { reload() }
    }

    private func reload() {
        let former = source.current
        do {
            let configuration = try read()
            let keys = former.configuration.keysThatNeedRestart(for: configuration)
            guard keys.isEmpty else {
                let problem = "\(path): \(keys.joined(separator: ", ")) can't be changed without a restart"
                return refuse([problem], former.logger)
            }
            let engine = Engine(
                configuration: configuration, redis: former.redis, instance: former.instance, logger: former.logger,
                instruments: former.instruments)
            source.replace(with: engine)
            apply(engine)
            former.logger.info(
                "configuration reloaded", metadata: ["file": "\(path)", "config": "\(configuration.fingerprint)"])
            for doubt in configuration.http?.doubts ?? [] {
                former.logger.warning("http.\(doubt.key): \(doubt.message)")
            }
        } catch let error as ConfigurationError {
            refuse(error.problems.map(\.description), former.logger)
        } catch {
            refuse(["\(error)"], former.logger)
        }
    }

    private func refuse(_ problems: [String], _ logger: Logger) {
        logger.error("the configuration was not reloaded; the previous one stays in force")
        for problem in problems {
            logger.error("configuration problem", metadata: ["problem": "\(problem.printable)"])
        }
    }
}
