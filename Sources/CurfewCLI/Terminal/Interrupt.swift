internal import Curfew
internal import Dispatch
internal import Foundation
internal import Glibc
internal import RedisClient
internal import Synchronization

/// Lets Ctrl-C and SIGTERM end a command: a run cleanly, after the page in hand, with its lease given back, and everything
/// else at once.
///
/// The kernel keeps signals that nobody asks for from the first process of a container, so they are asked for always.
enum Interrupt {
    private static let signals = [SIGINT, SIGTERM]
    private static let state = Mutex(State())
    /// How long a page in hand may take until its lease is given back, in seconds.
    private static let patience = 0.9
    /// How long Redis may be silent meanwhile.
    static let silence = Duration.milliseconds(500)

    private struct State {
        /// What asks for the end of what is under way; nil where nothing has to be put back.
        var stop: (@Sendable () -> Void)?
        /// What is said where it doesn't end in time; nil where nothing is under way.
        var unfinished: String?
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
        DispatchQueue.global().asyncAfter(deadline: .now() + patience) { giveUp() }
        stop()
    }

    /// What is under way has had its time.
    private static func giveUp() {
        guard let text = state.withLock(\.unfinished) else { return }
        Output.note("curfew: \(text.printable)\n")
        _exit(Failure.Status.doneWithErrors.rawValue)
    }

    /// Runs a body; a signal meanwhile asks the run to stop, and nothing is waited for that doesn't answer.
    static func handled<Value: Sendable>(
        by run: Run, _ redis: RedisClient, _ body: () async throws -> Value
    ) async throws -> Value {
        state.withLock { state in
            state.stop = {
                run.control.stop(.cancelled(by: "a signal"))
                redis.endWhenSilent(for: silence)
            }
            state.unfinished =
                "\(run.claim.run) was ended by a signal in the middle of a page: what it did last may be done or not, and its "
                + "lease on \(run.cleanup.name) runs out by itself"
        }
        defer {
            state.withLock { state in
                state.stop = nil
                state.unfinished = nil
            }
        }
        return try await body()
    }
}
