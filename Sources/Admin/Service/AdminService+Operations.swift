internal import Curfew
internal import HTTPTypes

extension AdminService {
    /// The result of an operation without a run.
    package struct Done: Sendable, Encodable {
        /// Whether it was done; false if there was nothing to do.
        package var success: Bool
        /// What was done, in one sentence.
        package var message: String
        /// The cleanup.
        package var cleanup: String
        /// The run that was asked to stop.
        package var run: String?
    }

    /// Pauses a cleanup on every instance.
    package func pause(_ name: String, why: String, by person: String) async throws -> Done {
        try await ask(name, by: person) { try await $0.pause(name, why: why) }
    }

    /// Resumes a paused cleanup.
    ///
    /// - Parameter skip: whether missed runs are skipped.
    package func resume(_ name: String, skip: Bool = false, by person: String) async throws -> Done {
        try await ask(name, by: person) { try await $0.resume(name, skip: skip) }
    }

    /// Asks the current run to stop after its current page, on whichever instance it runs.
    package func cancel(_ name: String, by person: String) async throws -> Done {
        try await ask(name, by: person) { try await $0.cancel(name) }
    }

    /// Takes a cleanup that no file has any more off the schedule.
    ///
    /// Throws 404 if nothing is known of it, 409 if an instance has it or it is running.
    package func forget(_ name: String, by person: String) async throws -> Done {
        let engine = engine
        do {
            let answer = try await Control(engine: engine, person: person).forget(name)
            return Done(success: answer.isDone, message: answer.message, cleanup: name)
        } catch {
            guard error.code == .usage else { throw error }
            let isConfigured = engine.configuration.cleanup(named: name) != nil
            throw AdminError(isConfigured ? .conflict : .notFound, error.message)
        }
    }

    private func ask(
        _ name: String, by person: String, _ operation: (Control) async throws -> Control.Answer
    ) async throws -> Done {
        let engine = engine
        _ = try await cleanup(name)
        let answer = try await operation(Control(engine: engine, person: person))
        return Done(success: answer.isDone, message: answer.message, cleanup: name, run: answer.stopped)
    }
}
