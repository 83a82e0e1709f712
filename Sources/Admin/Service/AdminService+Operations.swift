internal import Curfew

extension AdminService {
    /// What became of a wish that needs no run.
    package struct Done: Sendable, Encodable {
        /// Whether it was done; false where there was nothing to do.
        package var success: Bool
        /// What was done, in one sentence.
        package var message: String
        /// The cleanup.
        package var cleanup: String
        /// The run that was asked to stop.
        package var run: String?
    }

    /// Keeps a cleanup from being run, on every instance.
    package func pause(_ name: String, why: String, by person: String) async throws -> Done {
        try await ask(name, by: person) { try await $0.pause(name, why: why) }
    }

    /// Lets a paused cleanup run again.
    ///
    /// - Parameter skip: whether what it missed is left.
    package func resume(_ name: String, skip: Bool = false, by person: String) async throws -> Done {
        try await ask(name, by: person) { try await $0.resume(name, skip: skip) }
    }

    /// Asks the run under way to stop after the page in hand, whoever runs it.
    package func cancel(_ name: String, by person: String) async throws -> Done {
        try await ask(name, by: person) { try await $0.cancel(name) }
    }

    private func ask(
        _ name: String, by person: String, _ wish: (Control) async throws -> Control.Answer
    ) async throws -> Done {
        let engine = engine
        _ = try await cleanup(name)
        let answer = try await wish(Control(engine: engine, person: person))
        return Done(success: answer.isDone, message: answer.message, cleanup: name, run: answer.stopped)
    }
}
