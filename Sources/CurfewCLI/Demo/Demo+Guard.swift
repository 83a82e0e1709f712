internal import Curfew
internal import Policies
internal import RedisClient

/// The guard of `old-downloads`: refused, overridden, and undone.
extension Demo {
    /// What came of it.
    struct Detour: Sendable {
        /// The run that went through, and the one that put everything back.
        let overridden: RunResult, undone: RunResult
        /// How many downloads were gone in between.
        let missing: Int
        /// Whether every download is byte for byte as it was before.
        let isRestored: Bool
    }

    /// Goes through with what the guard refused, as somebody in a hurry would, and takes it back.
    func overrideGuardAndUndo(_ workload: DemoWorkload) async throws -> Detour {
        let cleanup = try engine.cleanup(named: "old-downloads")
        let keys = workload.history.downloadKeys
        let before = try await dumps(keys)
        stage.say("Somebody means it: curfew run \(cleanup.name) --override-guard")
        let control = Control(engine: engine, person: "the demo")
        let overridden = try await control.run(cleanup, .init(overrideGuard: true, waits: true)).execute()
        stage.say(overridden.message, overridden.isSuccess ? .green : .red)
        let missing = try await dumps(keys).count(where: \.isNull)
        stage.say("And didn't mean it: curfew pause \(cleanup.name), curfew undo \(overridden.run)")
        _ = try await control.pause(cleanup.name, why: "its last run is undone")
        let undone = try await control.undo(try await Undo.find(overridden.run, engine), waits: true).execute()
        stage.say(undone.message, undone.isSuccess ? .green : .red)
        return Detour(
            overridden: overridden, undone: undone, missing: missing, isRestored: try await dumps(keys) == before)
    }

    private func dumps(_ keys: [String]) async throws -> [RedisValue] {
        try await engine.redis.pipeline(keys.map { RedisCommand("DUMP", [$0]) })
    }
}
