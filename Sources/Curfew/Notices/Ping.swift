package import Logging
internal import RedisClient

/// Tells somebody outside that a cleanup was run: a dead man's switch, which raises the alarm when nothing is heard.
package struct Ping: Sendable {
    /// How often it is tried.
    static let tries = 3

    let cleanup: Cleanup
    let logger: Logger
    /// How long one try may take.
    var timeout = Duration.seconds(5)
    /// The waits between the tries.
    var backoff = Backoff(first: .seconds(1), factor: 2)

    /// Makes the ping of a cleanup.
    package init(of cleanup: Cleanup, logger: Logger) {
        self.cleanup = cleanup
        self.logger = logger
    }

    /// Calls the cleanup's `ping` where it has one and the run was a complete success.
    ///
    /// What goes wrong is logged and changes nothing about the run, which is over.
    ///
    /// - Parameter isStopping: asked before another try, so that a shutdown waits for one try at most.
    package func send(after result: RunResult, isStopping: @Sendable () -> Bool = { false }) async {
        guard let address = cleanup.ping, result.status == .completed, !result.dryRun else { return }
        await WebCaller.withCaller(logger: logger) { caller in
            var reason = ""
            for number in 1...Self.tries {
                switch await caller.get(address, timeout: timeout) {
                case .accepted: return
                case .gone: reason = "answered 410"
                case .failed(let why): reason = why
                }
                guard number < Self.tries, !isStopping() else { break }
                do {
                    try await Task.sleep(for: backoff.delay(failures: number))
                } catch {
                    break
                }
            }
            logger.error(
                "a run could not be reported to the ping address",
                metadata: [
                    "run": "\(result.run)", "cleanup": "\(cleanup.name)", "host": "\(address.host)",
                    "error": "\(reason)",
                ])
        }
    }
}
