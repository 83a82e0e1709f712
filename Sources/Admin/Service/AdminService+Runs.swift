package import Curfew
internal import HTTPTypes
internal import Policies
internal import ServiceLifecycle

extension AdminService {
    /// Runs a cleanup on this instance now; throws 409 with the holder if another instance has the lease.
    ///
    /// - Parameter began: called with the run before it begins.
    package func run(
        _ name: String, _ options: Control.RunOptions = .init(), trigger: String = "manual", by person: String,
        began: @Sendable (Run) -> Void = { _ in }
    ) async throws -> RunResult {
        let engine = engine
        let cleanup = try configured(name)
        return try await doing.taken {
            let control = Control(engine: engine, person: person)
            let result = try await execute {
                let run = try await control.run(cleanup, options, trigger: trigger)
                began(run)
                return run
            }
            pings.add(cleanup, result, engine.logger)
            return result
        }
    }

    /// Previews a run, now or as of a later time.
    package func preview(
        _ name: String, ahead: Duration = .zero, limit: Int? = nil, timeout: Duration? = nil
    ) async throws -> RunResult {
        let cleanup = try configured(name)
        let engine = engine
        let question = [
            engine.configuration.fingerprint, "\(ahead)", limit.map(String.init) ?? "", timeout.map { "\($0)" } ?? "",
        ]
        return try await previews.value(of: name, question.joined(separator: " ")) {
            try await Preview(engine: engine).run(cleanup, ahead: ahead, limit: limit, timeout: timeout)
        }
    }

    /// Previews a run, with a plan of the changes that the preview lists.
    func plan(_ name: String) async throws -> (result: RunResult, plan: Plan) {
        let cleanup = try configured(name)
        let engine = engine
        return try await plans.value(of: name, engine.configuration.fingerprint) {
            try await Preview(engine: engine).plan(cleanup, most: RunResult.listed)
        }
    }

    /// Undoes a run, or only its change of one record.
    package func undo(_ run: String, record: String? = nil, by person: String) async throws -> RunResult {
        let engine = engine
        return try await doing.taken {
            _ = try await self.run(run)
            let undo = try await undoable(run, record, engine)
            return try await execute { try await Control(engine: engine, person: person).undo(undo) }
        }
    }

    /// Finds what an undo must do; throws 409 if the run can't be undone, or no longer.
    private func undoable(_ run: String, _ record: String?, _ engine: Engine) async throws -> Undo {
        do {
            return try await Undo.find(run, record: record, engine)
        } catch {
            guard error.code == .usage else { throw error }
            throw AdminError(.conflict, error.message)
        }
    }

    /// Executes a run after claiming it; throws 409 if the claim is refused.
    ///
    /// The run continues if its caller disconnects. If the instance shuts down, it hands the run over.
    private func execute(_ claimed: () async throws -> Run) async throws -> RunResult {
        let run: Run
        do {
            run = try await claimed()
        } catch let refusal as ClaimRefusal {
            throw AdminError(refusal)
        }
        return await withGracefulShutdownHandler {
            await run.execute()
        } onGracefulShutdown: {
            run.control.stop(.handedOver)
        }
    }
}
