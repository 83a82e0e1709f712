internal import Policies
internal import RedisClient

/// Reports that an instance is alive, and claims as many due cleanups as it has places: `curfew_tick` in `tick.lua`.
struct TickCall: FunctionCall {
    let keys: Keys
    let instance: String
    /// The name under which it has registered what it knows.
    let registration: String
    let lease: Duration
    let heartbeat: Duration
    /// How many more runs the instance can take.
    let places: Int
    let streamLength: Int
    /// Whether what runs and what is registered is looked after, which a heartbeat does.
    var isWatching = true
    /// What is stepped over.
    var cursor = TickCursor.start
    /// The configuration that has alerts on what is overdue; empty if this call doesn't ask whether to look after them.
    var watch = ""
    /// The fields of the instance; empty between two heartbeats.
    var fields: [(String, String)] = []
    /// The metrics entry; empty between two heartbeats.
    var metrics: [(String, String)] = []
    /// Some of the cleanups that it knows, to see whether they are on the schedule.
    var probes: [String] = []

    var command: RedisCommand {
        var arguments = [
            instance, String(lease.milliseconds), String(heartbeat.milliseconds), String(places), String(streamLength),
            isWatching ? "1" : "0", String(cursor.rank), cursor.last,
            watch,
        ]
        arguments.append(fields: fields)
        arguments.append(fields: metrics)
        arguments += probes
        return RedisFunction.tick.command(
            keys: [
                keys.schedule, keys.fence, keys.instances, keys.instance(instance), keys.paused, keys.runs,
                keys.metrics, keys.running, keys.knows(registration), keys.mates(registration),
            ],
            arguments)
    }

    /// The answer, with all times in milliseconds.
    struct Answer {
        let version: String
        let now: Int64
        /// How long there is nothing to do.
        let sleep: Int64
        /// The overdue cleanups, and since when; none unless this instance looks for them.
        let overdue: [String: Int64]
        /// Whether there may be more of these.
        let isPartial: Bool
        /// Why cleanups that are due can't be claimed.
        let flaws: [String: String]
        let claims: [ClaimedCleanup]
        /// The cleanups that come next.
        let next: [Coming]
        /// How many are due together with the first of these.
        let together: Int
        /// The time until there may be more than these, if it is known.
        let horizon: Int64?
        /// How many living instances have this registration.
        let mates: Int
        let cursor: TickCursor
        /// Whether it has not looked at everything that is due.
        let hasMore: Bool
        let registering: Registering
        /// How many cleanups owe a run, if this instance looks for what is overdue; nil if another one does.
        let owing: Int?
    }

    /// A cleanup that comes next.
    struct Coming {
        let name: String
        /// The time until then.
        let wait: Int64
        /// Whether it runs, and that is when its lease ends.
        let isLease: Bool

        /// Those of an answer.
        static func all(_ reply: RedisValue?) -> [Coming] {
            let words = reply?.elements ?? []
            return stride(from: 0, to: words.count - 2, by: 3).map { place in
                Coming(
                    name: words[place].string ?? "", wait: words[place + 1].integer ?? 0,
                    isLease: words[place + 2].string == "1")
            }
        }
    }

    /// Whether the registration is there.
    enum Registering: String {
        /// It is.
        case notNeeded = ""
        /// It isn't, and this instance is to register.
        case now
        /// It isn't, and another instance is registering.
        case wait
    }

    func answer(_ reply: RedisValue) throws(CurfewError) -> Answer {
        let named = reply.named
        guard let now = named["now"]?.integer, let sleep = named["sleep"]?.integer,
            let version = named["version"]?.string, let claims = named["claims"],
            let registering = Registering(rawValue: named["register"]?.string ?? "")
        else { throw Self.unexpected(.tick) }
        return Answer(
            version: version, now: now, sleep: sleep,
            overdue: named["overdue"]?.named.mapValues { $0.integer ?? 0 } ?? [:],
            isPartial: named["partial"]?.string == "1",
            flaws: named["flaws"]?.named.mapValues { $0.string ?? "" } ?? [:],
            claims: claims.elements.map(ClaimedCleanup.init),
            next: Coming.all(named["next"]),
            together: named["together"]?.integer.map { Int($0) } ?? 0,
            horizon: named["horizon"]?.integer, mates: named["mates"]?.integer.map { Int($0) } ?? 1,
            cursor: TickCursor(
                rank: named["rank"]?.integer.map { Int($0) } ?? 0, last: named["last"]?.string ?? ""),
            hasMore: named["more"]?.string == "1", registering: registering,
            owing: named["owing"]?.integer.map { Int($0) })
    }
}

/// The head of the schedule that ticks step over: due, but paused, or unknown to this instance.
///
/// It saves looking at them again with every tick; with a heartbeat an instance begins anew.
struct TickCursor: Sendable, Equatable {
    /// How many they are.
    var rank: Int
    /// The last of them.
    var last: String

    /// Nothing is stepped over.
    static let start = TickCursor(rank: 0, last: "")
}

/// A cleanup that this instance may run, as the functions answer it.
struct ClaimedCleanup {
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

    init(_ reply: RedisValue) {
        let named = reply.named
        func text(_ name: String) -> String { named[name]?.string ?? "" }
        (cleanup, run, fence) = (text("claim"), text("run"), text("fence"))
        term = named["term"]?.string ?? fence
        due = named["due"]?.integer
        late = named["late"]?.integer ?? 0
        lost = text("lost").isEmpty ? nil : text("lost")
        (definition, owed, clock) = (named["definition"], named["owed"], named["clock"])
    }
}
