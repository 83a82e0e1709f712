internal import Policies
internal import RedisClient

/// What a run has to know from before it: what its name stands for, what it owes, and how the clock has been.
///
/// It comes with the claim, so that it costs no command.
struct RunMemory: Sendable {
    /// What is noted of the cleanup.
    var definition: Definition?
    /// What it owes.
    var owed: Owed?
    /// The last step of the clock of Redis.
    var step: ClockStep?

    init(definition: RedisValue? = nil, owed: RedisValue? = nil, clock: RedisValue? = nil) {
        self.definition = definition?.string.flatMap(Definition.init(text:))
        self.owed = owed?.string.flatMap(Owed.init(text:))
        step = ClockStep(clock?.elements ?? [])
    }
}
