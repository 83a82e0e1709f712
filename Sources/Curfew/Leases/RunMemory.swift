internal import Policies
internal import RedisClient

/// What a run needs to know from before: the definition of its cleanup, what the cleanup owes, and the clock's last
/// step.
///
/// It comes with the claim, so it costs no command.
struct RunMemory: Sendable {
    /// The recorded definition of the cleanup.
    var definition: Definition?
    /// The run that it owes.
    var owed: Owed?
    /// The last step of the clock of Redis.
    var step: ClockStep?

    init(definition: RedisValue? = nil, owed: RedisValue? = nil, clock: RedisValue? = nil) {
        self.definition = definition?.string.flatMap(Definition.init(text:))
        self.owed = owed?.string.flatMap(Owed.init(text:))
        step = ClockStep(clock?.elements ?? [])
    }
}
