internal import Curfew
internal import Dispatch
internal import Foundation
internal import Glibc
internal import Synchronization

/// Lets Ctrl-C and SIGTERM end a command: a run cleanly, after the page in hand, with its lease given back, and everything
/// else at once.
///
/// The kernel keeps signals that nobody asks for from the first process of a container, so they are asked for always.
enum Interrupt {
    private static let signals = [SIGINT, SIGTERM]
    private static let state = Mutex(State())

    private struct State {
        /// What asks for the end of what is under way; nil where nothing has to be put back.
        var stop: (@Sendable () -> Void)?
        /// Kept, so that they go on to listen.
        var sources: [any DispatchSourceSignal] = []
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
        // Who asks a second time doesn't want to wait.
        let stop = state.withLock { state in
            defer { state.stop = nil }
            return state.stop
        }
        guard let stop else { _exit(128 + number) }
        stop()
    }

    /// Runs a body; a signal meanwhile asks the control to stop.
    static func handled<Value: Sendable>(
        by control: RunControl, _ body: () async throws -> Value
    ) async throws -> Value {
        state.withLock { $0.stop = { control.stop(.cancelled(by: "a signal")) } }
        defer { state.withLock { $0.stop = nil } }
        return try await body()
    }
}
