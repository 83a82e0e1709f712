internal import Curfew
internal import Dispatch
internal import Foundation
internal import Glibc
internal import RedisClient
internal import Synchronization

/// Handles Ctrl-C and SIGTERM.
///
/// A run stops cleanly, after its current page, and releases its lease. An endless command stops between two lines.
/// Everything else ends at once.
///
/// The kernel does not deliver signals without a handler to the first process of a container, so there is always a
/// handler. The commands with services leave signals to the service group as soon as it listens.
enum Interrupt {
    private static let signals = [SIGINT, SIGTERM]
    private static let state = Mutex(State())
    /// How long the current page may take until the lease is released, in seconds.
    private static let patience = 0.9
    /// Why a run stops after a signal.
    static let reason = RunControl.Stop.cancelled(by: "a signal")
    /// How long Redis may be silent during that time.
    static let silence = Duration.milliseconds(500)

    private struct State {
        /// Stops the current work; nil if nothing has to be cleaned up.
        var stop: Stop?
        /// The message if the work doesn't end in time; nil if there is no work or no time limit.
        var unfinished: String?
        /// Retained, so that they keep listening.
        var sources: [any DispatchSourceSignal] = []
    }

    private struct Stop {
        let action: @Sendable () -> Void
        /// Whether a second signal ends the process at once.
        let isOnce: Bool
        /// The message if the work doesn't end in time; nil if there is no time limit.
        var unfinished: String?
    }

    /// From now on, a signal ends the process, as it would by default.
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

    /// Stops listening: another handler takes over.
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

    /// The time for the current work is over.
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

    /// Runs a body.
    ///
    /// A signal asks the run to stop; from then on no command waits for a server that doesn't answer.
    static func handled<Value: Sendable>(
        by run: Run, _ redis: RedisClient, _ body: () async throws -> Value
    ) async throws -> Value {
        let stop = Stop(
            action: {
                run.control.stop(reason)
                redis.endWhenSilent(for: silence)
            }, isOnce: true,
            unfinished: "\(run.claim.run) was ended by a signal during a page: its last changes may or may not have "
                + "been made, and its lease on \(run.cleanup.name) expires by itself")
        return try await handled(by: stop, body)
    }

    /// Runs a body until it ends or a signal cancels it.
    ///
    /// An error thrown because of the cancellation is not a failure. The body cleans up in a `defer`.
    ///
    /// - Parameter isPatient: whether the body may finish its cleanup (processes that it started) however often Ctrl-C
    ///   is pressed; otherwise a second signal ends the process.
    /// - Returns: What the body returned; nil if a signal ended it.
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
