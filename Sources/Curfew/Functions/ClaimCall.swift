internal import Policies
internal import RedisClient

/// Claims one cleanup, due or not: `curfew_claim` in `lease.lua`.
struct ClaimCall: FunctionCall {
    let keys: Keys
    let instance: String
    let lease: Duration
    let trigger: String
    let streamLength: Int
    let cleanup: KnownCleanup
    /// The event entry, which names the person who requests it, if any; the function adds the run and the time.
    var event: [(String, String)] = []

    var command: RedisCommand {
        var arguments = [instance, String(lease.milliseconds), trigger, String(streamLength)] + cleanup.words
        arguments.append(String(2 * event.count))
        for (name, value) in event { arguments += [name, value] }
        return RedisFunction.claim.command(
            keys: [
                keys.schedule, keys.fence, keys.paused, keys.runs, keys.metrics, keys.running,
                keys.lease(cleanup.name), keys.events,
            ],
            arguments)
    }

    /// The answer; the time is in milliseconds.
    struct Answer {
        let version: String
        let now: Int64
        let outcome: Outcome
    }

    /// The result of the claim.
    enum Outcome {
        case claimed(ClaimedCleanup)
        /// Another instance has it, with that run, until then at the latest.
        case held(by: String, run: String, until: Int64?)
        /// The JSON of who paused it, when and why.
        case paused(String)
    }

    func answer(_ reply: RedisValue) throws(CurfewError) -> Answer {
        let named = reply.named
        guard let now = named["now"]?.integer, let version = named["version"]?.string,
            let outcome = Self.outcome(named)
        else { throw Self.unexpected(.claim) }
        return Answer(version: version, now: now, outcome: outcome)
    }

    private static func outcome(_ named: [String: RedisValue]) -> Outcome? {
        func text(_ name: String) -> String { named[name]?.string ?? "" }
        if let claims = named["claims"], claims.count == 1 { return .claimed(ClaimedCleanup(claims[0])) }
        if named["held"] != nil {
            return .held(by: text("holder"), run: text("run"), until: named["until"]?.integer)
        }
        return named["paused"] != nil ? .paused(text("paused")) : nil
    }
}
