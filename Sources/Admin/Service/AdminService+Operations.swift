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
        let engine = engine
        _ = try await cleanup(name)
        try await Operations(engine: engine).pause(name, by: person, why: why)
        return Done(success: true, message: "\(name) is paused on every instance", cleanup: name)
    }

    /// Lets a paused cleanup run again.
    ///
    /// - Parameter skip: whether what it missed is left.
    package func resume(_ name: String, skip: Bool = false, by person: String) async throws -> Done {
        let engine = engine
        _ = try await cleanup(name)
        let resumption = try await Operations(engine: engine).resume(name, by: person, skip: skip)
        return Done(success: resumption.isDone, message: resumption.message, cleanup: name)
    }

    /// Asks the run under way to stop after the page in hand, whoever runs it.
    package func cancel(_ name: String, by person: String) async throws -> Done {
        let engine = engine
        _ = try await cleanup(name)
        guard let run = try await Operations(engine: engine).cancel(name, by: person) else {
            return Done(success: false, message: "\(name) is not running", cleanup: name)
        }
        return Done(
            success: true, message: "\(run) is asked to stop; what it has not done is left to the next run",
            cleanup: name, run: run)
    }
}
