internal import UnixSignals

/// Lets Ctrl-C and SIGTERM end a command that would go on for ever: it ends in order, not in the middle of a line.
enum UntilSignal {
    /// Runs a body until it ends by itself or a signal cancels it.
    ///
    /// What the body throws because it was cancelled is no failure. Whatever it has to put back (a terminal, a process),
    /// it does in a `defer`.
    ///
    /// - Returns: What the body returned; nil where a signal ended it.
    @discardableResult
    static func run<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value? {
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
        Interrupt.leave()
        return try await withThrowingTaskGroup(of: Value?.self) { group in
            group.addTask {
                for await _ in signals { break }
                // Who asks a second time doesn't want to wait.
                Interrupt.listen()
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
