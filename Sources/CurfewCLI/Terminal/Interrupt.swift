internal import Curfew
internal import Dispatch
internal import Foundation

/// Lets Ctrl-C and SIGTERM end a run cleanly: after the page in hand, with its lease given back.
enum Interrupt {
    /// Runs a body; a signal meanwhile asks the control to stop.
    static func handled<Value: Sendable>(
        by control: RunControl, _ body: () async throws -> Value
    ) async throws -> Value {
        let sources = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { control.stop(.cancelled(by: "a signal")) }
            source.resume()
            return source
        }
        defer {
            for source in sources { source.cancel() }
            for number in [SIGINT, SIGTERM] { signal(number, SIG_DFL) }
        }
        return try await body()
    }
}
