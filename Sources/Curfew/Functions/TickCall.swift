internal import Policies
internal import RedisClient

/// Reports that an instance is alive, and claims at most one due cleanup: `curfew_tick` in `lease.lua`.
///
/// With an event entry, which names the person who requested it, the function is `curfew_claim`.
struct TickCall: FunctionCall {
    /// A cleanup that the instance knows.
    struct Known: Sendable {
        let name: String
        let policy: String
        let isDryRun: Bool
        let next: Next
    }

    /// The due time of a cleanup that isn't on the schedule yet.
    enum Next: Sendable {
        /// At once, and then at this interval.
        case every(milliseconds: Int64)
        /// At that time.
        case at(milliseconds: Int64)
    }

    let keys: Keys
    let instance: String
    let lease: Duration
    let heartbeat: Duration
    /// How many more runs the instance can take.
    let places: Int
    let trigger: String
    /// The requested cleanup, due or not; nil for any due cleanup.
    var only: String?
    let streamLength: Int
    /// The fields of the instance; empty between two heartbeats.
    var fields: [(String, String)] = []
    /// The metrics entry; empty between two heartbeats.
    var metrics: [(String, String)] = []
    let known: [Known]
    /// The event entry, if any; the function adds the run and the time.
    var event: [(String, String)]?

    var command: RedisCommand {
        var arguments: [String] = []
        if let event {
            arguments.append(String(2 * event.count))
            for (name, value) in event { arguments += [name, value] }
        }
        arguments += [
            instance, String(lease.milliseconds), String(heartbeat.milliseconds), String(places), trigger, only ?? "",
            String(streamLength),
        ]
        arguments.append(fields: fields)
        arguments.append(fields: metrics)
        for cleanup in known {
            arguments += [cleanup.name, cleanup.policy, cleanup.isDryRun ? "1" : "0"]
            switch cleanup.next {
            case .every(let milliseconds): arguments += [String(milliseconds), "0"]
            case .at(let milliseconds): arguments += ["0", String(milliseconds)]
            }
        }
        let fixed = [
            keys.schedule, keys.fence, keys.instances, keys.instance(instance), keys.paused, keys.runs, keys.metrics,
        ]
        let (function, events) = event == nil ? (RedisFunction.tick, []) : (.claim, [keys.events])
        return function.command(keys: events + fixed + known.map { keys.lease($0.name) }, arguments)
    }

    /// The answer, with all times in milliseconds.
    struct Answer {
        let version: String
        let now: Int64
        /// How long there is nothing to do.
        let sleep: Int64
        /// The overdue cleanups, and since when.
        let overdue: [String: Int64]
        let outcome: Outcome
    }

    /// The result of the claim.
    enum Outcome {
        case nothing
        case claimed(Claimed)
        /// Another instance has it, with that run, until then at the latest.
        case held(by: String, run: String, until: Int64?)
        /// The JSON of who paused it, when and why.
        case paused(String)
    }

    /// A cleanup that this instance may run.
    struct Claimed {
        let cleanup: String
        let run: String
        let fence: String
        let term: String
        let due: Int64?
        /// How long it could have been claimed before.
        let late: Int64
        /// The run that it replaces because its lease expired.
        let lost: String?
        /// What is known from before.
        let definition: RedisValue?
        let owed: RedisValue?
        let clock: RedisValue?
    }

    func answer(_ reply: RedisValue) throws(CurfewError) -> Answer {
        let named = reply.named
        guard let now = named["now"]?.integer, let sleep = named["sleep"]?.integer,
            let version = named["version"]?.string
        else { throw Self.unexpected(.tick) }
        let overdue = named["overdue"]?.named.mapValues { $0.integer ?? 0 } ?? [:]
        return Answer(version: version, now: now, sleep: sleep, overdue: overdue, outcome: Self.outcome(named))
    }

    private static func outcome(_ named: [String: RedisValue]) -> Outcome {
        func text(_ name: String) -> String { named[name]?.string ?? "" }
        if named["claim"] != nil {
            return .claimed(
                Claimed(
                    cleanup: text("claim"), run: text("run"), fence: text("fence"),
                    term: named["term"]?.string ?? text("fence"), due: named["due"]?.integer,
                    late: named["late"]?.integer ?? 0, lost: text("lost").isEmpty ? nil : text("lost"),
                    definition: named["definition"], owed: named["owed"], clock: named["clock"]))
        }
        if named["held"] != nil {
            return .held(by: text("holder"), run: text("run"), until: named["until"]?.integer)
        }
        return named["paused"] != nil ? .paused(text("paused")) : .nothing
    }
}
