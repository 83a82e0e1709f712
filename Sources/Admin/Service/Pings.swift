internal import Curfew
internal import Logging
internal import ServiceLifecycle
internal import Synchronization

/// Reports requested runs to the ping addresses of their cleanups, after the HTTP answer: an address that doesn't
/// respond would delay the answer by a quarter of a minute.
final class Pings: Service {
    /// The most queued reports.
    ///
    /// Further ones are dropped with a log line.
    static let most = 64

    private struct Report: Sendable {
        let cleanup: Cleanup
        let result: RunResult
        let logger: Logger
    }

    private struct State {
        var count = 0
        var isStopping = false
    }

    private let state = Mutex(State())
    private let reports: AsyncStream<Report>
    private let continuation: AsyncStream<Report>.Continuation

    init() {
        (reports, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(Self.most))
    }

    /// The number of queued reports.
    var waiting: Int { state.withLock(\.count) }

    /// Queues the report of a run, if its cleanup has a ping address.
    func add(_ cleanup: Cleanup, _ result: RunResult, _ logger: Logger) {
        guard cleanup.ping != nil else { return }
        let isTaken = state.withLock { state in
            guard state.count < Self.most, !state.isStopping else { return false }
            state.count += 1
            return true
        }
        guard isTaken else {
            let why = "\(Self.most) reports are queued, or the instance is shutting down"
            return logger.error(
                "a run was not reported to the ping address",
                metadata: ["run": "\(result.run)", "cleanup": "\(cleanup.name)", "error": "\(why)"])
        }
        continuation.yield(Report(cleanup: cleanup, result: result, logger: logger))
    }

    /// Sends reports until a graceful shutdown; after that each is tried at most once more.
    func run() async throws {
        await withGracefulShutdownHandler {
            await withDiscardingTaskGroup { group in
                for await report in reports {
                    group.addTask { await self.make(report) }
                }
            }
        } onGracefulShutdown: {
            self.state.withLock { $0.isStopping = true }
            self.continuation.finish()
        }
    }

    private func make(_ report: Report) async {
        await Ping(of: report.cleanup, logger: report.logger).send(after: report.result) {
            self.state.withLock(\.isStopping)
        }
        state.withLock { $0.count -= 1 }
    }
}
