internal import Curfew
internal import Logging
internal import ServiceLifecycle
internal import Synchronization

/// Reports runs that somebody asked for to the ping addresses of their cleanups, after the answer: an address where
/// nobody is would hold it up for a quarter of a minute.
final class Pings: Service {
    /// The most reports under way or waiting; one more is not made, and the log says so.
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

    /// How many are under way or waiting.
    var waiting: Int { state.withLock(\.count) }

    /// Has a run reported, where its cleanup has an address for that.
    func add(_ cleanup: Cleanup, _ result: RunResult, _ logger: Logger) {
        guard cleanup.ping != nil else { return }
        let isTaken = state.withLock { state in
            guard state.count < Self.most, !state.isStopping else { return false }
            state.count += 1
            return true
        }
        guard isTaken else {
            let why = "\(Self.most) others are under way, or the instance is going down"
            return logger.error(
                "a run could not be reported to the ping address",
                metadata: ["run": "\(result.run)", "cleanup": "\(cleanup.name)", "error": "\(why)"])
        }
        continuation.yield(Report(cleanup: cleanup, result: result, logger: logger))
    }

    /// Reports until a graceful shutdown; then what is under way is tried once more at most.
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
