internal import Curfew
internal import Dispatch
internal import Foundation
internal import Glibc
internal import RedisClient
internal import Synchronization

/// Lets Ctrl-C and SIGTERM end a command: a run cleanly, after the page in hand, with its lease given back; what would go
/// on for ever in order, not in the middle of a line; and everything else at once.
///
/// The kernel keeps signals that nobody asks for from the first process of a container, so they are asked for always. The
/// commands of services leave that to their group of services as soon as it listens.
enum Interrupt {
    private static let signals = [SIGINT, SIGTERM]
    private static let state = Mutex(State())
    /// How long a page in hand may take until its lease is given back, in seconds.
    private static let patience = 0.9
    /// How long Redis may be silent meanwhile.
    static let silence = Duration.milliseconds(500)

    private struct State {
        /// What asks for the end of what is under way; nil where nothing has to be put back.
        var stop: Stop?
        /// What is said where it doesn't end in time; nil where nothing is under way, or it may take its time.
        var unfinished: String?
        /// Kept, so that they go on to listen.
        var sources: [any DispatchSourceSignal] = []
    }

    private struct Stop {
        let action: @Sendable () -> Void
        /// Whether a second signal ends the process: who asks twice doesn't want to wait.
        let isOnce: Bool
        /// What is said where it doesn't end in time; nil where it may take its time.
        var unfinished: String?
    }

    /// From now on a signal ends the process, as if by itself.
    static func listen() {
        state.withLock { state in
            state.sources = signals.map { number in
                let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
                source.setEventHandler { came(number) }
                source.resume()
                return source
            }
        }
    }

    /// No more: somebody else listens.
    static func leave() {
        state.withLock { state in
            for source in state.sources { source.cancel() }
            state.sources = []
        }
    }

    private static func came(_ number: Int32) {
        let stop = state.withLock { state in
            defer { if state.stop?.isOnce == true { state.stop = nil } }
            return state.stop
        }
        guard let stop else { _exit(128 + number) }
        if stop.unfinished != nil { DispatchQueue.global().asyncAfter(deadline: .now() + patience) { giveUp() } }
        stop.action()
    }

    /// What is under way has had its time.
    private static func giveUp() {
        guard let text = state.withLock(\.unfinished) else { return }
        Output.note("curfew: \(text.printable)\n")
        _exit(Failure.Status.doneWithErrors.rawValue)
    }

    private static func handled<Value: Sendable>(
        by stop: Stop, _ body: () async throws -> Value
    ) async throws -> Value {
        state.withLock { state in
            state.stop = stop
            state.unfinished = stop.unfinished
        }
        defer {
            state.withLock { state in
                state.stop = nil
                state.unfinished = nil
            }
        }
        return try await body()
    }

    /// Runs a body; a signal meanwhile asks the run to stop, and nothing is waited for that doesn't answer.
    static func handled<Value: Sendable>(
        by run: Run, _ redis: RedisClient, _ body: () async throws -> Value
    ) async throws -> Value {
        let stop = Stop(
            action: {
                run.control.stop(.cancelled(by: "a signal"))
                redis.endWhenSilent(for: silence)
            }, isOnce: true,
            unfinished: "\(run.claim.run) was ended by a signal in the middle of a page: what it did last may be done "
                + "or not, and its lease on \(run.cleanup.name) runs out by itself")
        return try await handled(by: stop, body)
    }

    /// Runs a body until it ends by itself or a signal cancels it.
    ///
    /// What the body throws because it was cancelled is no failure. Whatever it has to put back, it does in a `defer`.
    ///
    /// - Parameter isPatient: whether it may put back what it must (processes that it started) however often somebody
    ///   presses Ctrl-C meanwhile; otherwise a second signal ends the process.
    /// - Returns: What the body returned; nil where a signal ended it.
    @discardableResult
    static func cancelling<Value: Sendable>(
        isPatient: Bool = false, _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value? {
        let (came, continuation) = AsyncStream<Void>.makeStream()
        return try await handled(by: Stop(action: { continuation.yield() }, isOnce: !isPatient)) {
            try await withThrowingTaskGroup(of: Value?.self) { group in
                group.addTask {
                    for await _ in came { break }
                    return nil
                }
                group.addTask {
                    do {
                        return try await body()
                    } catch  where Task.isCancelled {
                        return nil
                    }
                }
                let value = try await group.next() ?? nil
                group.cancelAll()
                while !group.isEmpty { _ = try await group.next() }
                return value
            }
        }
    }
}
