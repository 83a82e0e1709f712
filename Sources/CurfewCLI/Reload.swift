internal import Admin
internal import Curfew
internal import Logging
internal import ServiceLifecycle
internal import UnixSignals

/// Reads the configuration again with every SIGHUP, and puts it in force where it can be.
///
/// It is taken as a whole or not at all: where anything is wrong with it, or needs a restart, the one before stays in
/// force, and the log says why.
struct Reload: Service {
    let path: String
    let source: EngineSource
    let signals: UnixSignalsSequence
    /// Reads the configuration as this process takes it.
    let read: @Sendable () throws -> Configuration
    /// Goes on with the new engine.
    let apply: @Sendable (Engine) -> Void

    /// Makes it; from then on SIGHUP doesn't end the process.
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

    /// Waits for signals until a graceful shutdown.
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
                configuration: configuration, redis: former.redis, instance: former.instance, logger: former.logger)
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
        logger.error("the configuration was not reloaded: the one before stays in force")
        for problem in problems {
            logger.error("a problem with the configuration", metadata: ["problem": "\(problem.printable)"])
        }
    }
}
