internal import UnixSignals

/// Lets Ctrl-C and SIGTERM end a command that would go on for ever: it ends in order, and with exit code 0.
enum UntilSignal {
    /// Runs a body until it ends by itself or a signal cancels it.
    ///
    /// What the body throws because it was cancelled is no failure. Whatever it has to put back (a terminal, a process), it
    /// does in a `defer`.
    ///
    /// - Returns: Whether a signal ended it.
    @discardableResult
    static func run(_ body: @escaping @Sendable () async throws -> Void) async throws -> Bool {
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
        return try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                for await _ in signals { return true }
                return false
            }
            group.addTask {
                do {
                    try await body()
                } catch where Task.isCancelled {
                    // The signal's doing: the other task says so.
                }
                return false
            }
            let isStopped = try await group.next() ?? false
            group.cancelAll()
            while !group.isEmpty { _ = try await group.next() }
            return isStopped
        }
    }
}
