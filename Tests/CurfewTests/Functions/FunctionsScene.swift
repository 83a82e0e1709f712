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
        let name: String
        let next: TickCall.Next
        let isDryRun: Bool

        init(_ name: String, every: Int64 = 60_000, isDryRun: Bool = false) {
            (self.name, next, self.isDryRun) = (name, .every(milliseconds: every), isDryRun)
        }

        init(_ name: String, at occurrence: Int64) {
            (self.name, next, isDryRun) = (name, .at(milliseconds: occurrence), false)
        }
    }

    /// What an instance tells with a tick, beside the cleanups.
    struct Beat {
        var instance = "one"
        var lease: Int64 = 120_000
        var heartbeat: Int64 = 10_000
        var places = 1
        var trigger = "schedule"
        var only: String?
        var fields: [(String, String)] = []
        var metrics: [(String, String)] = []
    }

    /// Calls `curfew_tick`; gives back what it answers by name.
    func tick(_ known: Known..., beat: Beat = Beat()) async throws -> [String: RedisValue] {
        let call = TickCall(
            keys: keys, instance: beat.instance, lease: .milliseconds(beat.lease),
            heartbeat: .milliseconds(beat.heartbeat), places: beat.places, trigger: beat.trigger, only: beat.only,
            streamLength: 1000, fields: beat.fields, metrics: beat.metrics,
            known: known.map { TickCall.Known(name: $0.name, policy: "stuck", isDryRun: $0.isDryRun, next: $0.next) })
        return try await library.call(call.command).named
    }

    /// Claims one cleanup by name, due or not.
    @discardableResult
    func claim(_ name: String, by instance: String = "one", isDryRun: Bool = false) async throws -> [String: RedisValue]
    {
        try await tick(
            Known(name, isDryRun: isDryRun), beat: Beat(instance: instance, trigger: "manual", only: name))
    }

    /// Calls `curfew_renew`.
    @discardableResult
    func renew(
        _ name: String, fence: String, lease: Int64 = 120_000, _ fields: KeyValuePairs<String, String> = [:]
    ) async throws -> RenewCall.Answer {
        try await library.call(
            RenewCall(
                keys: keys, cleanup: name, term: fence, lease: .milliseconds(lease),
                fields: fields.map { ($0.key, $0.value) }))
    }

    /// Longer than any test.
    static let longAges = FinishCall.Ages(
        runs: .seconds(1000), metrics: .seconds(1000), events: .seconds(1000), alerts: .seconds(1000))

    /// Calls `curfew_finish` with few fields in each entry.
    @discardableResult
    func finish(
        _ name: String, fence: String, next: Int64?, length: Int = 1000,
        ages: FinishCall.Ages = Self.longAges, alerts: [String] = []
    ) async throws -> FinishCall.Known? {
        try await library.call(
            FinishCall(
                keys: keys, cleanup: name, term: fence, next: next, streamLength: length, ages: ages,
                run: [("cleanup", name), ("status", "completed")], metrics: [("kind", "run"), ("found", "0")],
                alerts: alerts))
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
