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
        let overridden = try await execute(cleanup, trigger: "manual", .due, overriddenBy: Person.name)
        stage.say(overridden.message, overridden.isSuccess ? .green : .red)
        let missing = try await dumps(keys).count(where: \.isNull)
        stage.say("And didn't mean it: curfew pause \(cleanup.name), curfew undo \(overridden.run)")
        try await Operations(engine: engine).pause(cleanup.name, by: "the demo", why: "its last run is undone")
        let undo = try await Undo.find(overridden.run, engine)
        let undone = try await execute(undo.cleanup, trigger: Trigger.undo, .undo(undo))
        stage.say(undone.message, undone.isSuccess ? .green : .red)
        return Detour(
            overridden: overridden, undone: undone, missing: missing, isRestored: try await dumps(keys) == before)
    }

    /// A run by the demo itself, as the command line would make it.
    private func execute(
        _ cleanup: Cleanup, trigger: String, _ task: Run.Assignment, overriddenBy: String? = nil
    ) async throws -> RunResult {
        let (claim, clock) = try await Claiming(engine: engine, cleanup: cleanup, waits: true)
            .claim(trigger: trigger, isDryRun: false, by: "the demo")
        return await Run(
            engine: engine, cleanup: cleanup, claim: claim, clock: clock, task: task, overriddenBy: overriddenBy
        ).execute()
    }

    private func dumps(_ keys: [String]) async throws -> [RedisValue] {
        try await engine.redis.pipeline(keys.map { RedisCommand("DUMP", [$0]) })
    }
}
