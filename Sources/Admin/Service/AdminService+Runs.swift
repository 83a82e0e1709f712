package import Curfew
internal import HTTPTypes
internal import Policies
internal import ServiceLifecycle

extension AdminService {
    /// How a run asked for over HTTP differs from a scheduled one.
    package struct RunOptions: Sendable {
        /// Whether it only looks.
        package var dryRun: Bool
        /// The most records to change.
        package var limit: Int?
        /// One timeout in place of the configured ones.
        package var timeout: Duration?
        /// Whether it goes through with what its guard would refuse.
        package var overrideGuard: Bool
        /// Whether nothing is kept of what is removed, so that its memory is free at once.
        package var noTrash: Bool

        /// A run like any other, unless said otherwise.
        package init(
            dryRun: Bool = false, limit: Int? = nil, timeout: Duration? = nil, overrideGuard: Bool = false,
            noTrash: Bool = false
        ) {
            self.dryRun = dryRun
            self.limit = limit
            self.timeout = timeout
            self.overrideGuard = overrideGuard
            self.noTrash = noTrash
        }
    }

    /// Runs a cleanup here and now; throws 409 with the holder where another has the lease.
    package func run(
        _ name: String, _ options: RunOptions = RunOptions(), trigger: String = "manual", by person: String
    ) async throws -> RunResult {
        let engine = engine
        let cleanup = try configured(name)
        return try await doing.taken {
            let (claim, clock) = try await claim(
                cleanup, trigger: trigger, isDryRun: options.dryRun || cleanup.isDryRun, by: person,
                options.dryRun ? "dry run" : "", engine)
            let run = Run(
                engine: engine, cleanup: cleanup, claim: claim, clock: clock, limit: options.limit,
                timeout: options.timeout, keepsTrash: !options.noTrash,
                overriddenBy: options.overrideGuard ? person : nil)
            let result = await execute(run)
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
            let (claim, clock) = try await claim(
                undo.cleanup, trigger: Undo.trigger, isDryRun: false, by: person, "of \(run)", engine)
            let execution = Run(engine: engine, cleanup: undo.cleanup, claim: claim, clock: clock, task: .undo(undo))
            return await execute(execution)
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

    /// A caller who goes away doesn't stop a run; an instance that goes down hands it over.
    private func execute(_ run: Run) async -> RunResult {
        await withGracefulShutdownHandler {
            await run.execute()
        } onGracefulShutdown: {
            run.control.stop(.handedOver)
        }
    }

    private func claim(
        _ cleanup: Cleanup, trigger: String, isDryRun: Bool, by person: String, _ detail: String, _ engine: Engine
    ) async throws -> (Claim, ServerClock) {
        let answer = try await engine.coordinator.claim(
            cleanup, trigger: trigger, isDryRun: isDryRun, by: person, detail: detail)
        switch answer.outcome {
        case .claimed(let claim): return (claim, answer.clock)
        case .held(let holder, let run, let end):
            throw AdminError(
                .conflict,
                "\(cleanup.name) is being run by \(holder) (\(run)), whose lease lasts until \(end.iso8601) at least",
                details: ["cleanup": cleanup.name, "holder": holder, "run": run, "until": end.iso8601])
        case .paused(let text):
            let pause = Operations.Pause(text: text)
            throw AdminError(
                .conflict, "\(cleanup.name) was paused by \(pause.by) at \(pause.at): \(pause.why)",
                details: ["cleanup": cleanup.name, "pausedBy": pause.by, "pausedAt": pause.at, "why": pause.why])
        case .nothing:
            throw CurfewError(.damaged, "the claim of \(cleanup.name) was not answered")
        }
    }
}
