internal import Policies
internal import RedisClient

/// What a run has to know from before it: what its name stands for, what it owes, and how the clock has been.
///
/// One round trip at its beginning.
struct RunMemory: Sendable {
    /// What is noted of the cleanup.
    var definition: Definition?
    /// What it owes.
    var owed: Owed?
    /// The last step of the clock of Redis.
    var step: ClockStep?

    static func read(_ engine: Engine, _ cleanup: String) async throws -> RunMemory {
        let keys = engine.keys
        let replies = try await engine.redis.pipeline([
            RedisCommand("HGET", [keys.definitions, cleanup], isIdempotent: true),
            RedisCommand("HGET", [keys.owed, cleanup], isIdempotent: true),
            RedisCommand("HMGET", [keys.alert(ClockStep.alert)] + ClockStep.fields, isIdempotent: true),
        ])
        if let error = replies.lazy.compactMap(\.error).first { throw CurfewError(error, "reading what was before") }
        return RunMemory(
            definition: replies[0].string.flatMap(Definition.init(text:)),
            owed: replies[1].string.flatMap(Owed.init(text:)), step: ClockStep(replies[2].elements))
    }
}
