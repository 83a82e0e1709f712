internal import Policies
internal import RedisClient

/// Tells what the instances of a registration know, and puts it on the schedule: `curfew_register` in `tick.lua`.
struct RegisterCall: FunctionCall {
    /// The most cleanups of a call: no command may hold Redis for long.
    static let most = 50

    let keys: Keys
    /// The name of the registration.
    let registration: String
    /// How long it is remembered without a heartbeat.
    let memory: Duration
    let cleanups: [KnownCleanup]
    /// Whether the registration is whole with these.
    let isLast: Bool

    /// The calls for all cleanups of a registration.
    static func all(
        _ cleanups: [KnownCleanup], as registration: String, memory: Duration, _ keys: Keys
    ) -> [RegisterCall] {
        let starts = Array(stride(from: 0, to: max(1, cleanups.count), by: most))
        return starts.map { start in
            RegisterCall(
                keys: keys, registration: registration, memory: memory,
                cleanups: Array(cleanups[start..<min(start + most, cleanups.count)]), isLast: start == starts.last)
        }
    }

    var command: RedisCommand {
        RedisFunction.register.command(
            keys: [keys.schedule, keys.knows(registration)],
            [String(memory.milliseconds), isLast ? "1" : "0"] + cleanups.flatMap(\.words))
    }

    func answer(_ reply: RedisValue) throws(CurfewError) {
        guard reply.string == "OK" else { throw Self.unexpected(.register) }
    }
}
