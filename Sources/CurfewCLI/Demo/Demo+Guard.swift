internal import Curfew
internal import Policies
internal import RedisClient

/// The guard of `old-downloads`: a refused run, an overridden one, and its undo.
extension Demo {
    /// What the runs did.
    struct Detour: Sendable {
        /// The run that overrode the guard, and the undo.
        let overridden: RunResult, undone: RunResult
        /// How many downloads were missing between the two.
        let missing: Int
        /// Whether every download is identical, byte for byte, to its state before.
        let isRestored: Bool
    }

    /// Overrides the guard, as an operator in a hurry would, and undoes the run.
    func overrideGuardAndUndo(_ workload: DemoWorkload) async throws -> Detour {
        let cleanup = try engine.cleanup(named: "old-downloads")
        let keys = workload.history.downloadKeys
        let before = try await dumps(keys)
        stage.say("An operator overrides the guard: curfew run \(cleanup.name) --override-guard")
        let control = Control(engine: engine, person: "the demo")
        let overridden = try await control.run(cleanup, .init(overrideGuard: true, waits: true)).execute()
        stage.say(overridden.message, overridden.isSuccess ? .green : .red)
        let missing = try await dumps(keys).count(where: \.isNull)
        stage.say("It was a mistake: curfew pause \(cleanup.name), curfew undo \(overridden.run)")
        _ = try await control.pause(cleanup.name, why: "its last run is being undone")
        let undone = try await control.undo(try await Undo.find(overridden.run, engine), waits: true).execute()
        stage.say(undone.message, undone.isSuccess ? .green : .red)
        return Detour(
            overridden: overridden, undone: undone, missing: missing, isRestored: try await dumps(keys) == before)
    }

    private func dumps(_ keys: [String]) async throws -> [RedisValue] {
        try await engine.redis.pipeline(keys.map { RedisCommand("DUMP", [$0]) })
    }
}
