package import Logging
internal import RedisClient

/// Notifies an external dead man's switch, which raises an alarm if no run is reported.
package struct Ping: Sendable {
    /// How many attempts are made.
    static let tries = 3

    let cleanup: Cleanup
    let logger: Logger
    /// The time limit of one attempt.
    var timeout = Duration.seconds(5)
    /// The delays between attempts.
    var backoff = Backoff(first: .seconds(1), factor: 2)

    /// Creates the ping of a cleanup.
    package init(of cleanup: Cleanup, logger: Logger) {
        self.cleanup = cleanup
        self.logger = logger
    }

    /// Calls the cleanup's `ping` address, if it has one and the run was a complete success.
    ///
    /// Errors are logged and don't affect the run, which is over.
    ///
    /// - Parameter isStopping: checked before another attempt, so that a shutdown waits for at most one.
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
                "a run was not reported to the ping address",
                metadata: [
                    "run": "\(result.run)", "cleanup": "\(cleanup.name)", "host": "\(address.host)",
                    "error": "\(reason)",
                ])
        }
    }
}
