internal import Curfew
internal import Dispatch
internal import Foundation
internal import Glibc
internal import Synchronization

/// Lets Ctrl-C and SIGTERM end a command: a run cleanly, after the page in hand, with its lease given back; what would go
/// on for ever in order, not in the middle of a line; and everything else at once.
///
/// The kernel keeps signals that nobody asks for from the first process of a container, so they are asked for always. The
/// commands of services leave that to their group of services as soon as it listens.
enum Interrupt {
    private static let signals = [SIGINT, SIGTERM]
    private static let state = Mutex(State())

    private struct State {
        /// What asks for the end of what is under way; nil where nothing has to be put back.
        var stop: Stop?
        /// Kept, so that they go on to listen.
        var sources: [any DispatchSourceSignal] = []
    }

    private struct Stop {
        let action: @Sendable () -> Void
        /// Whether a second signal ends the process: who asks twice doesn't want to wait.
        let isOnce: Bool
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
        stop.action()
    }

    private static func handled<Value: Sendable>(
        by stop: Stop, _ body: () async throws -> Value
    ) async throws -> Value {
        state.withLock { $0.stop = stop }
        defer { state.withLock { $0.stop = nil } }
        return try await body()
    }

    /// Runs a body; a signal meanwhile asks the control to stop.
    static func handled<Value: Sendable>(
        by control: RunControl, _ body: () async throws -> Value
    ) async throws -> Value {
        let stop = Stop(action: { control.stop(.cancelled(by: "a signal")) }, isOnce: true)
        return try await handled(by: stop, body)
    }

    /// Runs a body until it ends by itself or a signal cancels it.
    ///
    /// What the body throws because it was cancelled is no failure. Whatever it has to put back (a terminal, a process),
    /// it does in a `defer`, however often somebody presses Ctrl-C meanwhile.
    ///
    /// - Returns: What the body returned; nil where a signal ended it.
    @discardableResult
    static func cancelling<Value: Sendable>(
        _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value? {
        let (came, continuation) = AsyncStream<Void>.makeStream()
        return try await handled(by: Stop(action: { continuation.yield() }, isOnce: false)) {
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
