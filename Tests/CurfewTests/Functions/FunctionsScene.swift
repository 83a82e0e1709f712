import Logging
import Policies
import RedisClient
import TestSupport
import Testing

@testable import Curfew

/// The functions on a private Redis, called as instances call them, but with every argument in the test's hand.
struct FunctionsScene: Sendable {
    let redis: RedisClient
    let library: FunctionLibrary
    let keys = Keys(prefix: "curfew")

    /// A cleanup as an instance tells of it with a tick.
    struct Known {
        let name: String
        let next: KnownCleanup.Next
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
        /// The configuration with alerts on what is overdue: another one for each instance, so that each looks.
        var watch: String { instance }
    }

    /// Registers these cleanups and calls `curfew_tick`, or `curfew_claim` for one of them; gives back what it answers by
    /// name, with the first claim's words among it.
    func tick(_ known: Known..., beat: Beat = Beat(), cursor: TickCursor = .start) async throws -> [String: RedisValue]
    {
        let cleanups = known.map {
            KnownCleanup(name: $0.name, policy: "stuck", isDryRun: $0.isDryRun, next: $0.next)
        }
        let command: RedisCommand
        if let only = cleanups.first(where: { $0.name == beat.only }) {
            command =
                ClaimCall(
                    keys: keys, instance: beat.instance, lease: .milliseconds(beat.lease), trigger: beat.trigger,
                    streamLength: 1000, cleanup: only
                ).command
        } else {
            let registration = try await register(cleanups)
            command = tickCall(beat, registration: registration, cursor: cursor).command
        }
        let answer = try await library.call(command).named
        return answer.merging(answer["claims"]?[0].named ?? [:]) { own, _ in own }
    }

    /// The call of `curfew_tick`.
    func tickCall(_ beat: Beat = Beat(), registration: String, cursor: TickCursor = .start) -> TickCall {
        TickCall(
            keys: keys, instance: beat.instance, registration: registration, lease: .milliseconds(beat.lease),
            heartbeat: .milliseconds(beat.heartbeat), places: beat.places, streamLength: 1000, cursor: cursor,
            watch: beat.watch,
            fields: beat.fields, metrics: beat.metrics)
    }

    /// Calls `curfew_register`; gives back the name of the registration, which says what is in it.
    @discardableResult
    func register(_ cleanups: [KnownCleanup]) async throws -> String {
        let id = cleanups.map { "\($0.name)\($0.isDryRun ? "?" : "")" }.joined(separator: "-")
        for call in RegisterCall.all(cleanups, as: id, memory: .seconds(60), keys) { try await library.call(call) }
        return id
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
        let end = end(name, fence, next: next, alerts: alerts)
        return try #require(try await finish([end], length: length, ages: ages).first)
    }

    /// The end of a run, with few fields in each entry.
    func end(_ name: String, _ term: String, next: Int64?, alerts: [String] = []) -> FinishCall.End {
        FinishCall.End(
            cleanup: name, term: term, next: next, run: [("cleanup", name), ("status", "completed")],
            metrics: [("kind", "run"), ("found", "0")], alerts: alerts)
    }

    /// Calls `curfew_finish` for runs that end together.
    func finish(
        _ ends: [FinishCall.End], length: Int = 1000, ages: FinishCall.Ages = Self.longAges
    ) async throws -> [FinishCall.Known?] {
        try await library.call(FinishCall(keys: keys, streamLength: length, ages: ages, ends: ends))
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
