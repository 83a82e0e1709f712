internal import Policies
internal import RedisClient

/// Says that an instance lives, and claims at most one due cleanup: `curfew_tick` in `lease.lua`.
///
/// With an entry for the events, which says who asked for it, it is `curfew_claim`.
struct TickCall: FunctionCall {
    /// A cleanup that the instance knows.
    struct Known: Sendable {
        let name: String
        let policy: String
        let isDryRun: Bool
        let next: Next
    }

    /// When a cleanup that isn't on the schedule yet is due.
    enum Next: Sendable {
        /// At once, and then so often.
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
    /// The cleanup that is asked for, due or not; nil: what is due.
    var only: String?
    let streamLength: Int
    /// What is to be said of the instance; nothing between two heartbeats.
    var fields: [(String, String)] = []
    /// The entry among the measurements; nothing between two heartbeats.
    var metrics: [(String, String)] = []
    let known: [Known]
    /// The entry in the events, if any; the function adds the run and the time.
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

    /// What is answered, all times in milliseconds.
    struct Answer {
        let version: String
        let now: Int64
        /// How long there is nothing to do.
        let sleep: Int64
        /// The cleanups that ought to have run, and since when they ought to.
        let overdue: [String: Int64]
        let outcome: Outcome
    }

    /// What became of the wish to run something.
    enum Outcome {
        case nothing
        case claimed(Claimed)
        /// Somebody else has it, under that run, until then at the latest.
        case held(by: String, run: String, until: Int64?)
        /// The JSON of who paused it, when and why.
        case paused(String)
    }

    /// A cleanup that is the instance's to run.
    struct Claimed {
        let cleanup: String
        let run: String
        let fence: String
        let term: String
        let due: Int64?
        /// How long it could have been claimed before.
        let late: Int64
        /// The run that it replaces, because its lease ran out.
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

extension RedisValue {
    /// A flat list of names and values, by name.
    var named: [String: RedisValue] {
        let elements = elements
        var named: [String: RedisValue] = [:]
        for place in stride(from: 0, to: elements.count - 1, by: 2) {
            if let name = elements[place].string { named[name] = elements[place + 1] }
        }
        return named
    }
}
