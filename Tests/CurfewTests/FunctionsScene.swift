import Logging
import Policies
import RedisClient
import TestSupport

@testable import Curfew

/// The functions on a private Redis, called as instances call them, but with every argument in the test's hand.
struct FunctionsScene: Sendable {
    let redis: RedisClient
    let library: FunctionLibrary
    let keys = Keys(prefix: "curfew")

    /// A cleanup as an instance tells of it with a tick.
    struct Known {
        var name: String
        var policy = "stuck"
        var dryRun = "0"
        /// In milliseconds; 0 with cron.
        var every: Int64 = 60_000
        /// Its next occurrence; 0 without cron.
        var occurrence: Int64 = 0

        init(_ name: String, every: Int64 = 60_000, occurrence: Int64 = 0, dryRun: String = "0") {
            (self.name, self.every, self.occurrence, self.dryRun) = (name, every, occurrence, dryRun)
        }
    }

    /// What an instance tells with a tick, beside the cleanups.
    struct Beat {
        var instance = "one"
        var lease: Int64 = 120_000
        var heartbeat: Int64 = 10_000
        var places = 1
        var trigger = "schedule"
        var only = ""
        var fields: [(String, String)] = []
        var metrics: [(String, String)] = []
    }

    /// Calls `curfew_tick`; gives back what it answers by name.
    func tick(_ known: Known..., beat: Beat = Beat()) async throws -> [String: RedisValue] {
        var arguments = [
            beat.instance, String(beat.lease), String(beat.heartbeat), String(beat.places), beat.trigger, beat.only,
            "1000",
        ]
        arguments.append(fields: beat.fields)
        arguments.append(fields: beat.metrics)
        for cleanup in known {
            arguments += [
                cleanup.name, cleanup.policy, cleanup.dryRun, String(cleanup.every), String(cleanup.occurrence),
            ]
        }
        let fixed = [
            keys.schedule, keys.fence, keys.instances, keys.instance(beat.instance), keys.paused, keys.runs,
            keys.metrics,
        ]
        let reply = try await library.call(
            "curfew_tick", keys: fixed + known.map { keys.lease($0.name) }, arguments: arguments)
        var answer: [String: RedisValue] = [:]
        for place in stride(from: 0, to: reply.count - 1, by: 2) {
            answer[reply[place].string ?? ""] = reply[place + 1]
        }
        return answer
    }

    /// Claims one cleanup by name, due or not.
    @discardableResult
    func claim(_ name: String, by instance: String = "one", dryRun: String = "0") async throws -> [String: RedisValue] {
        try await tick(
            Known(name, dryRun: dryRun), beat: Beat(instance: instance, trigger: "manual", only: name))
    }

    /// Calls `curfew_renew`.
    @discardableResult
    func renew(_ name: String, fence: String, lease: Int64 = 120_000, _ fields: String...) async throws -> RedisValue {
        try await library.call(
            "curfew_renew", keys: [keys.schedule, keys.lease(name)], arguments: [name, fence, String(lease)] + fields)
    }

    /// Calls `curfew_finish` with one field of each entry.
    @discardableResult
    func finish(
        _ name: String, fence: String, next: String, length: Int = 1000,
        ages: [String] = ["1000000", "1000000", "1000000", "1000000"], alerts: [String] = []
    ) async throws -> RedisValue {
        var arguments = [name, fence, next, keys.wake, String(length)] + ages
        arguments.append(fields: [("cleanup", name), ("status", "completed")])
        arguments.append(fields: [("kind", "run"), ("found", "0")])
        return try await library.call(
            "curfew_finish",
            keys: [keys.schedule, keys.lease(name), keys.runs, keys.metrics, keys.events, keys.alerts]
                + alerts.map(keys.alert),
            arguments: arguments)
    }

    /// Makes a cleanup due at that distance from now; below zero: since then.
    func schedule(_ name: String, in milliseconds: Int64) async throws {
        try await send("ZADD", keys.schedule, String(try await now() + milliseconds), name)
    }

    /// The server's time in milliseconds.
    func now() async throws -> Int64 {
        try await ServerClock.read(from: redis).now.milliseconds
    }

    /// The score of a cleanup on the schedule.
    func score(_ name: String) async throws -> Int64? {
        try await send("ZSCORE", keys.schedule, name).integer
    }

    func hash(_ key: String) async throws -> [String: String] {
        try await send("HGETALL", key).texts
    }

    func stream(_ key: String) async throws -> [StreamEntry] {
        try await send("XRANGE", key, "-", "+").elements.map(StreamEntry.init)
    }

    @discardableResult
    func send(_ words: String...) async throws -> RedisValue {
        try await redis.send(RedisCommand(words[0], Array(words.dropFirst())))
    }
}

/// Runs a body with the functions on a Redis of its own.
func withFunctions(arguments: [String] = [], _ body: (FunctionsScene) async throws -> Void) async throws {
    try await withServerAndClient(.unixSocket, arguments: arguments) { _, redis in
        try await body(FunctionsScene(redis: redis, library: FunctionLibrary(redis: redis, logger: quietLogger)))
    }
}

/// A logger that says nothing: what is logged in a test is the test's own doing.
let quietLogger: Logger = {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    return logger
}()
