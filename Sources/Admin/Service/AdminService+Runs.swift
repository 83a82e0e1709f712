package import Curfew
internal import HTTPTypes
internal import Policies
internal import ServiceLifecycle

extension AdminService {
    /// Runs a cleanup here and now; throws 409 with the holder where another has the lease.
    package func run(
        _ name: String, _ options: Control.RunOptions = .init(), trigger: String = "manual", by person: String
    ) async throws -> RunResult {
        let engine = engine
        let cleanup = try configured(name)
        return try await doing.taken {
            let control = Control(engine: engine, person: person)
            let result = try await execute { try await control.run(cleanup, options, trigger: trigger) }
            pings.add(cleanup, result, engine.logger)
            return result
        }
    }

    /// What a run would do, now or that much later.
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

    /// Puts back what a run did.
    package func undo(_ run: String, by person: String) async throws -> RunResult {
        let engine = engine
        return try await doing.taken {
            _ = try await self.run(run)
            let undo = try await undoable(run, engine)
            return try await execute { try await Control(engine: engine, person: person).undo(undo) }
        }
    }

    /// What an undo is to do; throws 409 where the run is no longer, or never was, one that can be undone.
    private func undoable(_ run: String, _ engine: Engine) async throws -> Undo {
        do {
            return try await Undo.find(run, engine)
        } catch {
            guard error.code == .usage else { throw error }
            throw AdminError(.conflict, error.message)
        }
    }

    /// Executes a run that is claimed first; throws 409 where it can't be.
    ///
    /// A caller who goes away doesn't stop a run; an instance that goes down hands it over.
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
